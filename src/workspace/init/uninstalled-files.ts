import { copyFile, rm, rmdir } from 'node:fs/promises';
import { lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
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

/** Of what is `tracked` by git, only the person's own commit can remove it. */
type Fate = 'removed' | 'put_back' | 'tracked' | 'left';

/** What becomes of the files in `.beads`: bd's own are removed, all others stay and are named. */
export function planRemoval(directory: BeadsDirectory): {
  changes: PlannedChange[];
  stays: ReadonlySet<string>;
} {
  const { place } = directory;
  const { beadsDir } = place;
  const fates = new Map(readdirSync(beadsDir).map((name) => [name, fateOf(name, directory)]));
  const named = (fate: Fate): string[] =>
    [...fates.keys()].filter((name) => fates.get(name) === fate).sort();
  const [back, tracked, left] = [named('put_back'), named('tracked'), named('left')];
  const stays = new Set([...back, ...tracked, ...left]);
  const make = async (): Promise<void> => {
    removeSocket(place);
    const last = removedLast(place);
    const names = [...fates.keys()].sort((a, b) => last.indexOf(a) - last.indexOf(b));
    for (const name of names) {
      const [path, fate] = [place.file(name), fates.get(name)];
      if (fate === 'put_back') await copyFile(join(place.footprintDirectory, name), path);
      if (fate === 'removed') await rm(path, { recursive: true, force: true });
    }
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
    return 'put_back';
  }
  if ([...tracked.keys()].some((each) => each === name || each.startsWith(`${name}/`))) {
    return 'tracked';
  }
  if (isOfThisMachine(name, metadata)) return 'removed';
  if (footprint?.present.includes(name) === true) return 'left';
  const made = ['config.yaml', metadata.jsonl_export, ...removedLast(place)];
  const isOurs = made.includes(name) || isAsWritten(name, path) || isEmpty(path);
  return isOurs ? 'removed' : 'left';
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

/** A killed daemon left it: the caller holds the lock, so no daemon is running. */
function removeSocket(place: WorkspacePlace): void {
  const socket = resolveSocket(place);
  if (socket.kind === 'socket') rmSync(socket.path, { force: true });
}
