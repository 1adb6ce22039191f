/** The same for all properties of a process, so that they are tried on the same cases: see `remembered`. */
const SEED = Math.floor(Math.random() * 2 ** 31);

/** More than a property is tried with in an ordinary run. */
const REMEMBERED_MAX = 1_000;

/**
 * How often properties of the merge are tried: a budget for each day, or `NUM_RUNS=300000` to search
 * deeper. The seed differs from run to run: fast-check prints the one that failed.
 */
export function propertyRuns(usual: number): { numRuns: number; seed: number } {
  const wanted = Number(process.env['NUM_RUNS'] ?? '');
  const numRuns = Number.isSafeInteger(wanted) && wanted > 0 ? wanted : usual;
  return { numRuns, seed: SEED };
}

/** Computes once for each input what several properties are tried on; it costs more than they do. */
export function remembered<Input extends unknown[], Output>(
  compute: (...input: Input) => Output,
): (...input: Input) => Output {
  const outputs = new Map<string, Output>();
  return (...input) => {
    const key = JSON.stringify(input);
    const known = outputs.get(key);
    if (known !== undefined) return known;
    const output = compute(...input);
    if (outputs.size < REMEMBERED_MAX) outputs.set(key, output);
    return output;
  };
}

/** A deep search is not bound to the time of an ordinary test. */
export const PROPERTY_TIMEOUT_MS = process.env['NUM_RUNS'] === undefined ? 60_000 : 6 * 3_600_000;
