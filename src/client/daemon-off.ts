import { rmSync } from 'node:fs';
import { BdError, messageOf } from '../core/errors.ts';
import { daemonOffPath } from '../place/workspace-files.ts';
import { readNote, writeNote } from './daemon-note.ts';

/** Somebody wants no daemon in this workspace: for good, or until a moment in milliseconds. */
export interface DaemonOff {
  untilMs?: number;
}

/** Undefined when it may run, also once its time is over. */
export function readDaemonOff(beadsDir: string): DaemonOff | undefined {
  const note = readNote(daemonOffPath(beadsDir));
  if (note === undefined) return undefined;
  const { until } = note;
  if (until === undefined) return {};
  const untilMs = typeof until === 'string' ? Date.parse(until) : Number.NaN;
  return untilMs > Date.now() ? { untilMs } : undefined;
}

/** From now on no command starts one; `forMs` ends that by itself. */
export async function setDaemonOff(
  beadsDir: string,
  { forMs }: { forMs?: number } = {},
): Promise<void> {
  const nowMs = Date.now();
  const until = forMs === undefined ? {} : { until: new Date(nowMs + forMs).toISOString() };
  await writeNote(daemonOffPath(beadsDir), { since: new Date(nowMs).toISOString(), ...until });
}

export function setDaemonOn(beadsDir: string): void {
  const path = daemonOffPath(beadsDir);
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw new BdError('FILE_UNUSABLE', {
      message: `cannot remove ${path}: ${messageOf(error)}`,
      remedy: 'Remove it yourself: as long as it is there, no command starts a daemon here.',
      cause: error,
    });
  }
}
