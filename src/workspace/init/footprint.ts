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
   * Of those, the files that bd may write over: their copies lie beside this record. The value is the
   * hash of what init left in their place; null when it did not come to its end.
   */
  replaced: Record<string, string | null>;
  /** Whether git merged issues with bd already. */
  merged: boolean;
  /** The length of `.git/info/exclude` in bytes; null without that file. */
  exclude_bytes: number | null;
}

/** The same before anything is copied. */
export interface FootprintBefore extends Omit<Footprint, 'replaced'> {
  /** The names that bd may write over. */
  written: string[];
}

const RECORD = 'footprint.json';

/** What was there before a first init that did not come to its end counts, not what that one left. */
export async function recordFootprint(
  place: WorkspacePlace,
  { written, ...before }: FootprintBefore,
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

/** Init is done: a file that is the same at the end was changed by nobody since. */
export async function completeFootprint(place: WorkspacePlace): Promise<void> {
  const record = readFootprint(place);
  if (record === undefined) return;
  for (const name of Object.keys(record.replaced)) {
    record.replaced[name] = hashOf(place.file(name)) ?? null;
  }
  await writeRecord(place, record);
}

/** Undefined where no init of this bd was run: in a clone of what somebody else commits, say. */
export function readFootprint(place: WorkspacePlace): Footprint | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(place.footprintDirectory, RECORD), 'utf8'));
    return isFootprint(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Where the file lies that `name` was before init, when nobody changed it since. */
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

/** Leaves out what is there because init is run. */
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

/** Links are nobody's copies. */
function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function hashOf(path: string): string | undefined {
  if (!isFile(path)) return undefined;
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
