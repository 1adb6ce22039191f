import type { MigrationReport } from '../../protocol/methods/workspace.ts';

/** A line for each change. */
export function listChanges(changes: readonly string[]): string {
  return changes.map((change) => `  - ${change}\n`).join('');
}

/** A damaged file has one problem on each of its lines. */
const PROBLEMS_SHOWN = 10;

/** The first problems, a line each, and how many more there are. */
export function listProblems(problems: readonly string[]): string {
  const left = problems.length - PROBLEMS_SHOWN;
  const lines = problems.slice(0, PROBLEMS_SHOWN).map((problem) => `${problem}\n`);
  return [...lines, left > 0 ? `  and ${left} more\n` : ''].join('');
}

/** What was changed, and what is left to the user. */
export function renderMigration({
  changes,
  left,
}: Pick<MigrationReport, 'changes' | 'left'>): string {
  const done = listChanges(changes);
  if (left.length === 0) return done;
  return `${done}\nLeft to you:\n${left.map((each) => `  ${each}\n`).join('')}`;
}
