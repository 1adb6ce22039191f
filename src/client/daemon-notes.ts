import { lstatSync, readFileSync, rmSync } from 'node:fs';
import { BdError, isErrorCode, messageOf } from '../core/errors.ts';
import { DAEMON_NOTE_BYTES_MAX, START_FAILURE_KEPT_MS } from '../core/limits.ts';
import { VERSION } from '../core/version.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import { writeFileAtomically } from '../platform/files.ts';
import { userId } from '../platform/owner.ts';

// Two small files in `.beads` that keep later commands from starting a daemon: the user turned it off, or the
// last start failed.

/** Off for good, or until a time; undefined when a daemon may run, also after that time. */
export function readDaemonOff({ daemonOffFile }: WorkspacePlace): { untilMs?: number } | undefined {
  const note = readNote(daemonOffFile);
  if (note === undefined) return undefined;
  const { until } = note;
  if (until === undefined) return {};
  const untilMs = typeof until === 'string' ? Date.parse(until) : Number.NaN;
  return untilMs > Date.now() ? { untilMs } : undefined;
}

/** Keeps commands from starting a daemon, with `forMs` only for that long. */
export async function setDaemonOff(
  { daemonOffFile }: WorkspacePlace,
  { forMs }: { forMs?: number } = {},
): Promise<void> {
  const nowMs = Date.now();
  const until = forMs === undefined ? {} : { until: new Date(nowMs + forMs).toISOString() };
  await writeNote(daemonOffFile, { since: new Date(nowMs).toISOString(), ...until });
}

export function setDaemonOn({ daemonOffFile }: WorkspacePlace): void {
  try {
    rmSync(daemonOffFile, { force: true });
  } catch (error) {
    throw new BdError('FILE_UNUSABLE', {
      message: `cannot remove ${daemonOffFile}: ${messageOf(error)}`,
      remedy: 'Remove it yourself: as long as it is there, no command starts a daemon here.',
      cause: error,
    });
  }
}

/** How the last start failed, at any time, and the version of that daemon; undefined when it succeeded. */
export function readLastStart({ startFailureFile }: WorkspacePlace) {
  const { reason, remedy, code, at, version, details } = { ...readNote(startFailureFile) };
  const atMs = typeof at === 'string' ? Date.parse(at) : Number.NaN;
  if (![reason, remedy, version].every((text) => typeof text === 'string')) return undefined;
  if (Number.isNaN(atMs)) return undefined;
  const error = new BdError(isErrorCode(code) ? code : 'DAEMON_UNAVAILABLE', {
    message: String(reason),
    remedy: String(remedy),
    details: typeof details === 'object' ? { ...details } : {},
  });
  return { error, atMs, version: String(version) };
}

/**
 * Why the daemon did not start a moment ago. Only the command that tried reports it: later ones neither wait
 * for the same failure nor repeat the message. Another version may be able to start.
 */
export function readStartFailure(place: WorkspacePlace): BdError | undefined {
  const last = readLastStart(place);
  if (last === undefined || last.version !== VERSION) return undefined;
  const ageMs = Date.now() - last.atMs;
  return ageMs >= 0 && ageMs < START_FAILURE_KEPT_MS ? last.error : undefined;
}

export async function rememberStartFailure(place: WorkspacePlace, failure: BdError): Promise<void> {
  const { message: reason, remedy, code, details } = failure;
  const note = { reason, remedy, code, at: new Date().toISOString(), version: VERSION, details };
  // If the disk is full, the next command tries again.
  await writeNote(place.startFailureFile, note).catch(() => {});
}

export function forgetStartFailure({ startFailureFile }: WorkspacePlace): void {
  try {
    rmSync(startFailureFile, { force: true });
  } catch {
    // It stays, and expires.
  }
}

/** Reads only a regular file of this user: a repository may contain something else. */
function readNote(path: string): Record<string, unknown> | undefined {
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

async function writeNote(path: string, note: object): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(note)}\n`, { mode: 0o600 });
}
