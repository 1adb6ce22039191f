import type { MigrationReport } from '../../protocol/methods/workspace.ts';

/** What was changed, and what the person may do. */
export function renderMigration({
  changes,
  left,
}: Pick<MigrationReport, 'changes' | 'left'>): string {
  const done = changes.map((change) => `  - ${change}\n`).join('');
  if (left.length === 0) return done;
  return `${done}\nLeft to you:\n${left.map((each) => `  ${each}\n`).join('')}`;
}
