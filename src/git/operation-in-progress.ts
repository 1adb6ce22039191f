import { join } from 'node:path';
import { statIfReachable } from '../platform/safe-stat.ts';

/**
 * What git leaves in a working tree's own git directory while a person is in the middle of something,
 * the most telling first. Not `REBASE_HEAD`, which outlives its rebase.
 */
const TRACES: readonly (readonly [file: string, operation: string])[] = [
  ['rebase-merge', 'rebase'],
  ['rebase-apply/applying', 'am'],
  ['rebase-apply', 'rebase'],
  ['MERGE_HEAD', 'merge'],
  ['CHERRY_PICK_HEAD', 'cherry-pick'],
  ['REVERT_HEAD', 'revert'],
  // Between two commits of a series there is only this.
  ['sequencer/todo', 'cherry-pick'],
  ['BISECT_LOG', 'bisect'],
];

/**
 * The git operation that is waiting for a person or at work, from the files alone. `gitDir` is the
 * working tree's own: of a linked worktree, the one below `worktrees/`.
 */
export function operationInProgress(gitDir: string): string | undefined {
  return TRACES.find(([file]) => statIfReachable(join(gitDir, file)) !== undefined)?.[1];
}
