import type { Database } from 'better-sqlite3';
import { STORE_BUSY_AGAIN_MS, STORE_BUSY_TIMEOUT_MS } from '../core/limits.ts';
import { isBusy } from './store-failure.ts';

/**
 * Waits for another program that keeps the store locked, but not twice in a row: waiting stands still with all
 * that the process does, and the next in the queue has waited as long already.
 */
export function createPatience(
  database: Database,
  { nowMs = () => performance.now() }: { nowMs?: () => number } = {},
): <T>(write: () => T) => T {
  let patientAfterMs = -Infinity;
  return (write) => {
    const isPatient = nowMs() >= patientAfterMs;
    if (!isPatient) database.exec('PRAGMA busy_timeout = 0');
    try {
      return write();
    } catch (error) {
      if (isBusy(error)) patientAfterMs = nowMs() + STORE_BUSY_AGAIN_MS;
      throw error;
    } finally {
      if (!isPatient) database.exec(`PRAGMA busy_timeout = ${STORE_BUSY_TIMEOUT_MS}`);
    }
  };
}
