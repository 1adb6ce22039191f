/**
 * How often properties of the merge are tried: a budget for each day, or `NUM_RUNS=300000` to search
 * deeper. Without a fixed seed: fast-check prints the one that failed.
 */
export function propertyRuns(usual: number): { numRuns: number } {
  const wanted = Number(process.env['NUM_RUNS'] ?? '');
  return { numRuns: Number.isSafeInteger(wanted) && wanted > 0 ? wanted : usual };
}

/** Nobody asked for a deep search within the time of an ordinary test. */
export const PROPERTY_TIMEOUT_MS = process.env['NUM_RUNS'] === undefined ? 60_000 : 6 * 3_600_000;
