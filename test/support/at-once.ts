import type { Run } from './test-workspace.ts';

/** What a first call says on a machine that is too slow for all of them: it was not done. */
const NO_DAEMON_IN_TIME = /^Error: no daemon for \S+ within [\d.]+ s\b/;

/**
 * All calls at once. A slow machine may have no daemon ready for the last of them within their time: those have
 * done nothing, say so, and are made again one after the other. So each issue is made once either way.
 */
export async function callAtOnce(calls: readonly (() => Promise<Run>)[]): Promise<Run[]> {
  const runs = await Promise.all(calls.map((call) => call()));
  const done: Run[] = [];
  for (const [at, run] of runs.entries()) {
    const isLate = run.exitCode === 5 && NO_DAEMON_IN_TIME.test(run.stderr);
    done.push(isLate ? await calls[at]!() : run);
  }
  return done;
}
