import { BdError } from '../core/errors.ts';
import { GIT_NETWORK_TIMEOUT_MS } from '../core/limits.ts';
import type { Git } from '../platform/git-command.ts';
import { classifyGitFailure } from './git-failure.ts';
import { gitOutput } from './git-output.ts';
import { missingIn } from './shared-elsewhere.ts';
import type { SyncBranch } from './sync-branch.ts';
import { describeFailure } from './sync-failure.ts';

export interface RemoteBranch {
  remote: string;
  branch: string;
  /** What the remote's branch was when it was looked at; undefined where it has none. */
  tip: string | undefined;
}

/** All that bd puts on a branch of its own. */
const OURS = new Set(['.beads', 'README.md']);

/**
 * The remote's branch, when nothing is lost with it: it is this project's, holds nothing but issues, and
 * `issues` shows them all. Fetches into `git`.
 */
export async function checkPurge(
  git: Git,
  { syncBranch, branch, issues }: { syncBranch: SyncBranch; branch: string; issues: Buffer },
): Promise<RemoteBranch> {
  const remote = await syncBranch.remote();
  if (remote === undefined) throw refused('there is no remote', 'Leave --purge-remote out.');
  const fetched = await syncBranch.fetch(remote);
  if (fetched.kind !== 'fetched') {
    const { message, remedy } = describeFailure(fetched, remote);
    throw refused(message, remedy);
  }
  const { theirs: tip } = await syncBranch.tips();
  if (tip === undefined) return { remote, branch, tip };
  const found = await syncBranch.findProject();
  const names = await gitOutput(git, ['ls-tree', '-z', '--name-only', tip]);
  const foreign = names.split('\0').filter((name) => name !== '' && !OURS.has(name));
  if (found?.projectId !== syncBranch.project.projectId || foreign.length > 0) {
    const what = foreign[0] ?? 'issues of another project';
    throw refused(`${branch} on ${remote} holds ${what}`, 'Look at it, and delete it with git.');
  }
  const lost = missingIn(issues, (await syncBranch.readIssues(tip)) ?? Buffer.alloc(0));
  if (lost.length > 0) {
    const message = `${branch} on ${remote} holds ${lost.length} changed issues that are not here`;
    throw refused(message, 'Run `bd sync` first.');
  }
  return { remote, branch, tip };
}

/** Only while it is still what was looked at: a teammate may just have pushed. */
export async function purgeBranch(
  git: Git,
  { remote, branch, tip }: RemoteBranch & { tip: string },
): Promise<void> {
  const ref = `refs/heads/${branch}`;
  const options = ['--porcelain', '--no-verify', '--no-follow-tags', '--no-signed'];
  const mirror = ['-c', `remote.${remote}.mirror=false`];
  const lease = `--force-with-lease=${ref}:${tip}`;
  const { exitCode, stdout, stderr } = await git.run(
    [...mirror, 'push', ...options, lease, '--', remote, `:${ref}`],
    { timeoutMs: GIT_NETWORK_TIMEOUT_MS },
  );
  if (exitCode === 0) return;
  const line = stdout
    .toString()
    .split('\n')
    .find((each) => each.startsWith('!\t'));
  const failure = classifyGitFailure(line ?? stderr);
  if (failure.kind === 'race') {
    throw refused(`somebody changed ${branch} on ${remote} meanwhile`, 'Run `bd sync` first.');
  }
  const { message, remedy } = describeFailure(failure, remote);
  throw refused(message, remedy);
}

function refused(message: string, remedy: string): BdError {
  return new BdError('SYNC_FAILED', { message: `nothing was removed: ${message}`, remedy });
}
