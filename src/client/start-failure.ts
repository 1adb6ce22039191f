import { BdError, isErrorCode } from '../core/errors.ts';
import { START_FAILURE_KEPT_MS } from '../core/limits.ts';
import { VERSION } from '../core/version.ts';
import { daemonFailedPath } from '../place/workspace-files.ts';
import { readNote, removeNote, writeNote } from './daemon-note.ts';

interface StartFailure {
  error: BdError;
  atMs: number;
  /** Of the program that tried. */
  version: string;
}

/** How the last start failed, be it long ago; undefined when it went well. */
export function readLastStart(beadsDir: string): StartFailure | undefined {
  const { reason, remedy, code, at, version, details } = {
    ...readNote(daemonFailedPath(beadsDir)),
  };
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
 * Why the daemon did not start a moment ago: told once, so that the commands after it neither wait for
 * the same failure nor repeat it. Another version may well start.
 */
export function readStartFailure(beadsDir: string): BdError | undefined {
  const last = readLastStart(beadsDir);
  if (last === undefined || last.version !== VERSION) return undefined;
  const ageMs = Date.now() - last.atMs;
  return ageMs >= 0 && ageMs < START_FAILURE_KEPT_MS ? last.error : undefined;
}

export async function rememberStartFailure(beadsDir: string, failure: BdError): Promise<void> {
  const { message: reason, remedy, code, details } = failure;
  const note = { reason, remedy, code, at: new Date().toISOString(), version: VERSION, details };
  // A full disk, say, is the very reason of many failed starts.
  await writeNote(daemonFailedPath(beadsDir), note).catch(() => {});
}

export function forgetStartFailure(beadsDir: string): void {
  removeNote(daemonFailedPath(beadsDir));
}
