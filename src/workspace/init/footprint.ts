import { createHash } from 'node:crypto';
import { copyFile, mkdir } from 'node:fs/promises';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../../platform/files.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';

/** What `bd init` found, so that `bd uninstall` can put it back. */
export interface Footprint {
  /** The names in `.beads` before. */
  present: string[];
  /**
   * Of those, the files that bd may overwrite; their copies are beside this record. The value is the hash
   * of the file as init left it; null when init was cut short.
   */
  replaced: Record<string, string | null>;
  /** Whether git merged issues with bd already. */
  merged: boolean;
  /** The length of `.git/info/exclude` in bytes; null without that file. */
  exclude_bytes: number | null;
}

const RECORD = 'footprint.json';

/**
 * Records what is there, and copies the files that bd may overwrite, which `written` names. Keeps a record that is
 * there: an earlier init was cut short, and only it saw the files as they were.
 */
export async function recordFootprint(
  place: WorkspacePlace,
  { written, ...before }: Omit<Footprint, 'replaced'> & { written: string[] },
): Promise<void> {
  const directory = place.footprintDirectory;
  if (existsSync(join(directory, RECORD))) return;
  await mkdir(directory, { recursive: true });
  const replaced: Footprint['replaced'] = {};
  for (const name of written.filter((each) => before.present.includes(each))) {
    if (!isFile(place.file(name))) continue;
    await copyFile(place.file(name), join(directory, name));
    replaced[name] = null;
  }
  await writeRecord(place, { ...before, replaced });
}

/** Notes the files as init leaves them: one that has the same hash later was not edited since. */
export async function completeFootprint(place: WorkspacePlace): Promise<void> {
  const record = readFootprint(place);
  if (record === undefined) return;
  for (const name of Object.keys(record.replaced)) {
    record.replaced[name] = hashOf(place.file(name)) ?? null;
  }
  await writeRecord(place, record);
}

/** Undefined when `bd init` was not run here, as in a clone of a workspace that people commit. */
export function readFootprint(place: WorkspacePlace): Footprint | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(place.footprintDirectory, RECORD), 'utf8'));
    return isFootprint(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The path of the copy from before init, if the file was not edited since. */
export function copyBeforeInit(
  place: WorkspacePlace,
  { replaced }: Footprint,
  name: string,
): string | undefined {
  const copy = join(place.footprintDirectory, name);
  const hash = replaced[name];
  if (hash === undefined || hash === null || !isFile(copy)) return undefined;
  return hashOf(place.file(name)) === hash ? copy : undefined;
}

/** The names in `.beads`, without the lock that init itself holds. */
export function namesIn({ beadsDir }: WorkspacePlace): string[] {
  if (!existsSync(beadsDir)) return [];
  return readdirSync(beadsDir).filter((name) => !name.startsWith('daemon.lock'));
}

async function writeRecord(place: WorkspacePlace, record: Footprint): Promise<void> {
  const path = join(place.footprintDirectory, RECORD);
  await writeFileAtomically(path, `${JSON.stringify(record, null, 2)}\n`);
}

function isFootprint(value: unknown): value is Footprint {
  if (typeof value !== 'object' || value === null) return false;
  const { present, replaced } = value as Record<string, unknown>;
  return Array.isArray(present) && typeof replaced === 'object' && replaced !== null;
}

/** False for a link. */
function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function hashOf(path: string): string | undefined {
  if (!isFile(path)) return undefined;
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
