/** A damaged file has one problem on each of its lines. */
const PROBLEMS_SHOWN = 10;

/** The first ones, a line each, and the number of the others. */
export function listProblems(problems: readonly string[]): string {
  const left = problems.length - PROBLEMS_SHOWN;
  const lines = problems.slice(0, PROBLEMS_SHOWN).map((problem) => `${problem}\n`);
  return [...lines, left > 0 ? `  and ${left} more\n` : ''].join('');
}
