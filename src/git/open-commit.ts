import { statSync } from 'node:fs';
import { join } from 'node:path';
import { COMMIT_EDITOR_MS } from '../core/limits.ts';

/** What moves when a commit is made: the reflog of HEAD, or without reflogs the ref itself. */
const MOVED_BY_COMMITS = ['logs/HEAD', 'HEAD', 'reftable/tables.list'];

/**
 * Whether a commit waits in somebody's editor. Git keeps no lock meanwhile, and gives up when HEAD has
 * moved by the time that the editor closes. It writes the message's file before the editor opens and
 * moves HEAD after it has closed, so a message that is newer than HEAD's last move is being written.
 * One that nobody finishes stays as new as that for ever: after a while it counts as given up.
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
