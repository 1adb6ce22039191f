const POLL_MIN_MS = 20;
const POLL_MAX_MS = 250;

export interface Patience {
  /** Far above what is needed, so that only what never comes true fails. */
  deadlineMs?: number;
  /** What was waited for, for the failure's message. */
  what?: string;
}

/** Checks until it returns neither `undefined` nor `false`; throws with the last failure. */
export async function eventually<T>(
  check: () => T | undefined | false | Promise<T | undefined | false>,
  { deadlineMs = 20_000, what = check.toString() }: Patience = {},
): Promise<T> {
  const startMs = Date.now();
  let failure: unknown;
  do {
    try {
      const value = await check();
      if (value !== undefined && value !== false) return value;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    // A check may cost a process: what takes long is asked for less often, and found out a tenth later.
    const pauseMs = Math.min(Math.max((Date.now() - startMs) / 10, POLL_MIN_MS), POLL_MAX_MS);
    await new Promise((wake) => setTimeout(wake, pauseMs));
  } while (Date.now() < startMs + deadlineMs);
  throw new Error(`did not come true within ${deadlineMs} ms: ${what}`, { cause: failure });
}
