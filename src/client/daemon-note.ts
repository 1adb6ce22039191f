import { lstatSync, readFileSync, rmSync } from 'node:fs';
import { DAEMON_NOTE_BYTES_MAX } from '../core/limits.ts';
import { writeFileAtomically } from '../platform/files.ts';
import { userId } from '../platform/owner.ts';

/**
 * What a small file in `.beads` remembers for later commands. One that is not plain and ours counts as
 * missing, and one that cannot be written stops nothing: the next command finds out anew.
 */
export function readNote(path: string): Record<string, unknown> | undefined {
  try {
    const status = lstatSync(path);
    const isOurs = status.isFile() && status.uid === userId();
    if (!isOurs || status.size > DAEMON_NOTE_BYTES_MAX) return undefined;
    const note: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof note === 'object' && note !== null ? { ...note } : undefined;
  } catch {
    return undefined;
  }
}

export async function writeNote(path: string, note: object): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(note)}\n`, { mode: 0o600 });
}

export function removeNote(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It is looked at again, and found too old.
  }
}
