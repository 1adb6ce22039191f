import { BdError } from '../../core/errors.ts';
import { REMOTE_PATIENCE_MS } from '../../core/limits.ts';
import type { Git } from '../../git/git.ts';
import { deleteRef } from '../../git/push.ts';
import { missingIn } from './shared-elsewhere.ts';
import type { SyncBranch } from './sync-branch.ts';
import { describeFailure } from '../sync-failure.ts';

export interface RemoteBranch {
  remote: string;
  /** Where the issues are there. */
  ref: string;
  /** What it was when it was looked at. */
  tip: string;
}

/** All that bd puts on a branch of its own. */
const OURS = new Set(['.beads', 'README.md']);

/**
 * The remote's branch, when nothing is lost with it: it is this project's, holds nothing but issues, and
 * `issues` shows them all; undefined where there is none. Fetches into the branch's repository.
 */
export async function checkPurge(
  branch: SyncBranch,
  issues: Buffer,
): Promise<RemoteBranch | undefined> {
  const remote = await branch.remote();
  if (remote === undefined) throw refused('there is no remote', 'Leave --purge-remote out.');
  const fetched = await branch.fetch(remote, { timeoutMs: REMOTE_PATIENCE_MS });
  if (!('from' in fetched)) {
    const { message, remedy } = describeFailure(fetched, remote);
    throw refused(message, remedy);
  }
  const { theirs: tip } = await branch.tips();
  const snapshot = tip === undefined ? undefined : await branch.snapshot(tip);
  if (fetched.kind === 'absent' || tip === undefined || snapshot === undefined) return undefined;
  const { ref } = fetched;
  const foreign = snapshot.root.map(({ name }) => name).find((name) => !OURS.has(name));
  if (snapshot.format?.kind !== 'known' || foreign !== undefined) {
    const what = foreign ?? 'issues of another tool';
    throw refused(`${ref} on ${remote} holds ${what}`, 'Look at it, and delete it with git.');
  }
  const lost = missingIn(issues, await branch.readIssues(snapshot, { missing: 'refuse' }));
  if (lost.length > 0) {
    const message = `${ref} on ${remote} holds ${lost.length} changed issues that are not here`;
    throw refused(message, 'Run `bd sync` first.');
  }
  return { remote, ref, tip };
}

/** Only while it is still what was looked at: a teammate may just have pushed. */
export async function purgeBranch(git: Git, { remote, ref, tip }: RemoteBranch): Promise<void> {
  const failure = await deleteRef(git, { remote, ref, tip });
  if (failure === undefined) return;
  if (failure.kind === 'race') {
    throw refused(`somebody changed ${ref} on ${remote} meanwhile`, 'Run `bd sync` first.');
  }
  const { message, remedy } = describeFailure(failure, remote);
  throw refused(message, remedy);
}

function refused(message: string, remedy: string): BdError {
  return new BdError('SYNC_FAILED', { message: `nothing was removed: ${message}`, remedy });
}
