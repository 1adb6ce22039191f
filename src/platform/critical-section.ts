import { setTimeout as pause } from 'node:timers/promises';

/**
 * A lock for work of milliseconds between processes. It can be stolen from a process that stands still
 * for longer than this, so nothing but effort may depend on it: who writes a workspace is decided by
 * kernel-lock.ts.
 */
const STALE_MS = 5_000;

const PAUSE_MS = 20;

export type Entered =
  | { kind: 'entered'; leave(): Promise<void> }
  | { kind: 'taken' }
  /** The place cannot hold a lock at all. */
  | { kind: 'impossible'; reason: string };

/** Waits for at most `waitMs`; with 0 it looks once. */
export async function enterCriticalSection(
  lockPath: string,
  { waitMs }: { waitMs: number },
): Promise<Entered> {
  // Not on the way of a command that finds its daemon running.
  const { default: lockfile } = await import('proper-lockfile');
  const endMs = performance.now() + waitMs;
  for (;;) {
    try {
      const release = await lockfile.lock(lockPath, {
        lockfilePath: lockPath,
        realpath: false,
        stale: STALE_MS,
        onCompromised: () => {},
      });
      // Stolen meanwhile: then it is somebody else's to release.
      return { kind: 'entered', leave: () => release().catch(() => {}) };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code !== 'ELOCKED') return { kind: 'impossible', reason: String(error) };
      if (performance.now() >= endMs) return { kind: 'taken' };
      await pause(PAUSE_MS);
    }
  }
}
