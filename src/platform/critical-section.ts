import { setTimeout as pause } from 'node:timers/promises';

/**
 * A lock between processes for work of milliseconds. A process that stalls for longer than this loses it, so
 * it may only save effort: correctness needs kernel-lock.ts.
 */
export const STALE_MS = 5_000;

const PAUSE_MS = 20;

export type Entered =
  | { kind: 'entered'; leave(): Promise<void> }
  | { kind: 'taken' }
  /** The place cannot hold a lock at all. */
  | { kind: 'impossible'; reason: string };

/** Waits for at most `waitMs`, or until the signal; with 0 it looks once. */
export async function enterCriticalSection(
  lockPath: string,
  { waitMs, signal }: { waitMs: number; signal?: AbortSignal | undefined },
): Promise<Entered> {
  // Loaded when needed: most commands need no lock.
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
      // If another process has taken it over, that one releases it.
      return { kind: 'entered', leave: () => release().catch(() => {}) };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code !== 'ELOCKED') return { kind: 'impossible', reason: String(error) };
      if (performance.now() >= endMs || signal?.aborted === true) return { kind: 'taken' };
      await pause(PAUSE_MS);
    }
  }
}
