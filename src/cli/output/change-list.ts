import type { MigrationReport } from '../../protocol/methods/workspace.ts';

export function listChanges(changes: readonly string[]): string {
  return changes.map((change) => `  - ${change}\n`).join('');
}

/** Of a dry run. */
export function renderPreview(command: string, changes: readonly string[]): string {
  return `Nothing was changed. Without --dry-run, bd ${command} would report:\n\n${listChanges(changes)}`;
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
