import { statSync } from 'node:fs';
import { join } from 'node:path';
import { COMMIT_EDITOR_MS } from '../core/limits.ts';
import { statIfReachable } from '../platform/safe-stat.ts';

/**
 * Files in a working tree's git directory while an operation is under way, the most specific first. Not
 * `REBASE_HEAD`, which outlives its rebase.
 */
const TRACES: readonly (readonly [file: string, operation: string])[] = [
  ['rebase-merge', 'rebase'],
  ['rebase-apply/applying', 'am'],
  ['rebase-apply', 'rebase'],
  ['MERGE_HEAD', 'merge'],
  ['CHERRY_PICK_HEAD', 'cherry-pick'],
  ['REVERT_HEAD', 'revert'],
  // The only trace between two commits of a series.
  ['sequencer/todo', 'cherry-pick'],
  ['BISECT_LOG', 'bisect'],
];

/**
 * The git operation under way, from the files alone. `gitDir` is the working tree's own: for a linked
 * worktree, the one below `worktrees/`.
 */
export function operationInProgress(gitDir: string): string | undefined {
  return TRACES.find(([file]) => statIfReachable(join(gitDir, file)) !== undefined)?.[1];
}

/** There while a git command stages or commits. */
export const indexLockPath = (gitDir: string): string => join(gitDir, 'index.lock');

/** Files that a commit changes: the reflog of HEAD, or without reflogs the ref itself. */
const MOVED_BY_COMMITS = ['logs/HEAD', 'HEAD', 'reftable/tables.list'];

/**
 * Whether a commit message is open in an editor. Git keeps no lock meanwhile, and fails if HEAD has moved by
 * the time the editor closes. It writes the message's file before the editor opens and moves HEAD after it
 * closes, so a message newer than HEAD's last move is being written. An abandoned message stays newer for
 * ever: after a while it counts as given up.
 */
export function isCommitOpen(
  { gitDir, commonDir, branch }: { gitDir: string; commonDir: string; branch: string },
  nowMs: number,
): boolean {
  const writtenMs = modifiedMs(join(gitDir, 'COMMIT_EDITMSG'));
  if (writtenMs === undefined || nowMs - writtenMs > COMMIT_EDITOR_MS) return false;
  const moved = [
    ...MOVED_BY_COMMITS.map((name) => join(gitDir, name)),
    join(commonDir, 'refs/heads', branch),
  ].map((path) => modifiedMs(path) ?? 0);
  return writtenMs > Math.max(...moved);
}

function modifiedMs(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
