import { daemonOffPath } from '../platform/workspace-files.ts';
import { readNote, removeNote, writeNote } from './daemon-note.ts';

/** Somebody wants no daemon in this workspace: for good, or until a moment in milliseconds. */
export interface DaemonOff {
  sinceMs: number;
  untilMs?: number;
}

/** Undefined when it may run, also once its time is over. */
export function readDaemonOff(beadsDir: string): DaemonOff | undefined {
  const note = readNote(daemonOffPath(beadsDir));
  if (note === undefined) return undefined;
  const [sinceMs, untilMs] = [note['since'], note['until']].map((moment) =>
    typeof moment === 'string' ? Date.parse(moment) : Number.NaN,
  ) as [number, number];
  if (note['until'] === undefined) return { sinceMs };
  return untilMs > Date.now() ? { sinceMs, untilMs } : undefined;
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
  removeNote(daemonOffPath(beadsDir));
}
