import { BdError, ERRORS, type ErrorCode } from '../core/errors.ts';
import { START_FAILURE_KEPT_MS } from '../core/limits.ts';
import { VERSION } from '../core/version.ts';
import { daemonFailedPath } from '../platform/workspace-files.ts';
import { readNote, removeNote, writeNote } from './daemon-note.ts';

/**
 * Why the daemon did not start a moment ago: told once, so that the commands after it neither wait for
 * the same failure nor repeat it. Another version may well start.
 */
export function readStartFailure(beadsDir: string): BdError | undefined {
  const { reason, remedy, code, at, version, details } = {
    ...readNote(daemonFailedPath(beadsDir)),
  };
  const ageMs = typeof at === 'string' ? Date.now() - Date.parse(at) : Number.NaN;
  const isFresh = version === VERSION && ageMs >= 0 && ageMs < START_FAILURE_KEPT_MS;
  if (!isFresh || typeof reason !== 'string' || typeof remedy !== 'string') return undefined;
  return new BdError(isErrorCode(code) ? code : 'DAEMON_UNAVAILABLE', {
    message: reason,
    remedy,
    details: typeof details === 'object' ? { ...details } : {},
  });
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

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}
