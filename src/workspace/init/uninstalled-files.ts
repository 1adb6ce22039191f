import { copyFile, rm, rmdir } from 'node:fs/promises';
import { lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { resolveSocket } from '../../place/socket-link.ts';
import { isDaemonFile, type WorkspacePlace } from '../../place/workspace-place.ts';
import { copyPath } from '../../store/schema.ts';
import { storeFiles, type Metadata } from '../config/metadata.ts';
import { BEADS_FILES } from './beads-files.ts';
import type { PlannedChange } from './planned-change.ts';
import { copyBeforeInit, type Footprint } from './footprint.ts';
import { ATTRIBUTES } from './merge-settings.ts';

interface BeadsDirectory {
  place: WorkspacePlace;
  metadata: Metadata;
  footprint: Footprint | undefined;
  /** The files of the last commit, by their path in `.beads`, with their content. */
  tracked: ReadonlyMap<string, Buffer>;
}

type Fate =
  | { kind: 'removed' }
  | { kind: 'put_back'; copy: string }
  /** Git tracks it: only the person's own commit can remove it. */
  | { kind: 'tracked' }
  | { kind: 'left' };

/** What becomes of the files in `.beads`: bd's own are removed, all others stay and are named. */
export function planRemoval(directory: BeadsDirectory): {
  changes: PlannedChange[];
  stays: ReadonlySet<string>;
} {
  const { place } = directory;
  const { beadsDir } = place;
  const fates = new Map(readdirSync(beadsDir).map((name) => [name, fateOf(name, directory)]));
  const named = (kind: Fate['kind']): string[] =>
    [...fates.keys()].filter((name) => fates.get(name)?.kind === kind).sort();
  const [back, tracked, left] = [named('put_back'), named('tracked'), named('left')];
  const stays = new Set([...back, ...tracked, ...left]);
  const make = async (): Promise<void> => {
    removeSocket(place);
    const last = removedLast(place);
    const names = [...fates.keys()].sort((a, b) => last.indexOf(a) - last.indexOf(b));
    for (const name of names) await settle(place.file(name), fates.get(name));
    // This command may have made the lock itself.
    if (!fates.has(basename(place.lockFile))) await rm(place.lockFile, { force: true });
    if (stays.size === 0) await rmdir(beadsDir).catch(() => {});
  };
  const says = stays.size === 0 ? `removed ${beadsDir}` : `removed what bd made in ${beadsDir}`;
  const changes: PlannedChange[] = [{ says, make }];
  for (const name of back) changes.push({ says: `put back ${name} as it was before bd init` });
  if (tracked.length > 0) {
    const names = tracked.join(', ');
    changes.push({
      says: `left to git, which tracks it: ${names}; \`git rm -r ${beadsDir}\` takes it out`,
    });
  }
  if (left.length > 0) {
    changes.push({ says: `left what bd did not make, or others changed: ${left.join(', ')}` });
  }
  return { changes, stays };
}

/** In this order: an uninstall that is cut short leaves what the next one needs. */
function removedLast({ metadataFile, footprintDirectory, lockFile }: WorkspacePlace): string[] {
  return [metadataFile, footprintDirectory, lockFile].map((path) => basename(path));
}

function fateOf(name: string, directory: BeadsDirectory): Fate {
  const { place, metadata, footprint, tracked } = directory;
  const path = place.file(name);
  const committed = tracked.get(name);
  const copy = footprint && copyBeforeInit(place, footprint, name);
  if (copy !== undefined && (committed === undefined || committed.equals(readFileSync(copy)))) {
    return { kind: 'put_back', copy };
  }
  if ([...tracked.keys()].some((each) => each === name || each.startsWith(`${name}/`))) {
    return { kind: 'tracked' };
  }
  if (isOfThisMachine(name, metadata)) return { kind: 'removed' };
  if (footprint?.present.includes(name) === true) return { kind: 'left' };
  const made = ['config.yaml', metadata.jsonl_export, ...removedLast(place)];
  const isOurs = made.includes(name) || isAsWritten(name, path) || isEmpty(path);
  return { kind: isOurs ? 'removed' : 'left' };
}

function isOfThisMachine(name: string, { database }: Metadata): boolean {
  if (name.startsWith(copyPath(database, ''))) return true;
  return storeFiles(database).includes(name) || isDaemonFile(name);
}

/** A text that a person has edited is theirs. */
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

/** A killed daemon left it: the caller holds the lock, so no daemon is running. */
function removeSocket(place: WorkspacePlace): void {
  const socket = resolveSocket(place);
  if (socket.kind === 'socket') rmSync(socket.path, { force: true });
}
