const POLL_INTERVAL_MS = 20;

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
  const endMs = Date.now() + deadlineMs;
  let failure: unknown;
  do {
    try {
      const value = await check();
      if (value !== undefined && value !== false) return value;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    await new Promise((wake) => setTimeout(wake, POLL_INTERVAL_MS));
  } while (Date.now() < endMs);
  throw new Error(`did not come true within ${deadlineMs} ms: ${what}`, { cause: failure });
}
