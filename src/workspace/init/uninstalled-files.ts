import { copyFile, rm, rmdir } from 'node:fs/promises';
import { lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { resolveSocket } from '../../place/socket-link.ts';
import { socketLinkPath } from '../../place/workspace-files.ts';
import { isDaemonFile } from '../../place/workspace-place.ts';
import { copyPath } from '../../store/upgrade.ts';
import { BEADS_FILES } from './beads-files.ts';
import type { Change } from './change.ts';
import { copyBeforeInit, footprintDirectory, type Footprint } from './footprint.ts';
import { ATTRIBUTES } from './merge-settings.ts';
import { storeFiles, type Metadata } from '../config/metadata.ts';

interface BeadsDirectory {
  beadsDir: string;
  metadata: Metadata;
  footprint: Footprint | undefined;
  /** Paths in `.beads` that the last commit has, and what they are there. */
  tracked: ReadonlyMap<string, Buffer>;
}

type Fate =
  | { kind: 'removed' }
  | { kind: 'put_back'; copy: string }
  /** Git has it: to take it out is the person's own commit. */
  | { kind: 'tracked' }
  | { kind: 'left' };

/** Gone last, in this order: until then another uninstall can go on where one was cut off. */
const LAST = ['metadata.json', basename(footprintDirectory('')), 'daemon.lock'];

/** What becomes of the files in `.beads`: those of bd go, those of others stay and are named. */
export function planRemoval(directory: BeadsDirectory): {
  changes: Change[];
  stays: ReadonlySet<string>;
} {
  const { beadsDir } = directory;
  const fates = new Map(readdirSync(beadsDir).map((name) => [name, fateOf(name, directory)]));
  const named = (kind: Fate['kind']): string[] =>
    [...fates.keys()].filter((name) => fates.get(name)?.kind === kind).sort();
  const stays = new Set([...named('put_back'), ...named('tracked'), ...named('left')]);
  const removal: Change = {
    says: stays.size === 0 ? `removed ${beadsDir}` : `removed what bd made in ${beadsDir}`,
    async make() {
      removeSocket(beadsDir);
      const names = [...fates.keys()].sort((a, b) => LAST.indexOf(a) - LAST.indexOf(b));
      for (const name of names) await settle(join(beadsDir, name), fates.get(name));
      // The lock was perhaps made for this very command.
      if (!fates.has('daemon.lock')) await rm(join(beadsDir, 'daemon.lock'), { force: true });
      if (stays.size === 0) await rmdir(beadsDir).catch(() => {});
    },
  };
  const notes = [
    ...named('put_back').map((name) => `put back ${name} as it was before bd init`),
    ...listed(
      named('tracked'),
      (names) => `left to git, which tracks it: ${names}; \`git rm -r ${beadsDir}\` takes it out`,
    ),
    ...listed(named('left'), (names) => `left what bd did not make, or others changed: ${names}`),
  ];
  return { changes: [removal, ...notes.map((says) => ({ says }))], stays };
}

function fateOf(name: string, directory: BeadsDirectory): Fate {
  const { beadsDir, metadata, footprint, tracked } = directory;
  const path = join(beadsDir, name);
  const committed = tracked.get(name);
  const copy = footprint && copyBeforeInit(beadsDir, footprint, name);
  if (copy !== undefined && (committed === undefined || committed.equals(readFileSync(copy)))) {
    return { kind: 'put_back', copy };
  }
  if ([...tracked.keys()].some((each) => each === name || each.startsWith(`${name}/`))) {
    return { kind: 'tracked' };
  }
  if (isOfThisMachine(name, metadata)) return { kind: 'removed' };
  if (footprint?.present.includes(name) === true) return { kind: 'left' };
  const settings = ['config.yaml', metadata.jsonl_export];
  const isOurs = settings.includes(name) || isAsWritten(name, path) || isEmpty(path);
  return { kind: isOurs || LAST.includes(name) ? 'removed' : 'left' };
}

function isOfThisMachine(name: string, { database }: Metadata): boolean {
  if (name.startsWith(copyPath(database, ''))) return true;
  return storeFiles(database).includes(name) || isDaemonFile(name);
}

/** A text that somebody wrote on in is theirs by now. */
function isAsWritten(name: string, path: string): boolean {
  const texts: Readonly<Record<string, string>> = { ...BEADS_FILES, '.gitattributes': ATTRIBUTES };
  return lstatSync(path).isFile() && readFileSync(path, 'utf8') === texts[name];
}

function isEmpty(path: string): boolean {
  return lstatSync(path).isDirectory() && readdirSync(path).length === 0;
}

async function settle(path: string, fate: Fate | undefined): Promise<void> {
  if (fate?.kind === 'put_back') await copyFile(fate.copy, path);
  if (fate?.kind === 'removed') await rm(path, { recursive: true, force: true });
}

/** Left by a daemon that was killed: whoever calls this holds the lock, so none is alive. */
function removeSocket(beadsDir: string): void {
  const socket = resolveSocket(socketLinkPath(beadsDir));
  if (socket.kind === 'socket') rmSync(socket.path, { force: true });
}

function listed(names: readonly string[], say: (names: string) => string): string[] {
  return names.length === 0 ? [] : [say(names.join(', '))];
}
