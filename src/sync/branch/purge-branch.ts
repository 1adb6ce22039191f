import { BdError } from '../../core/errors.ts';
import { REMOTE_PATIENCE_MS } from '../../core/limits.ts';
import type { Git } from '../../git/git.ts';
import { pushRef } from '../../git/remote.ts';
import { idOfLine, readIssueLines } from '../intake/issue-lines.ts';
import type { SyncBranch } from './sync-branch.ts';
import { describeFailure } from '../sync-failure.ts';

interface RemoteBranch {
  remote: string;
  /** The ref there that has the issues. */
  ref: string;
  /** The commit that was checked. */
  tip: string;
}

/** The names that bd puts on its branch. */
const OURS = new Set(['.beads', 'README.md']);

/**
 * The remote's branch, after checking that deleting it loses nothing: it is this project's, holds nothing but
 * issues, and `issues` shows them all. Undefined when there is none. Fetches into the branch's repository.
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
  const snapshot = await branch.snapshot(tip);
  if (fetched.kind === 'absent' || tip === undefined || snapshot === undefined) return undefined;
  const { ref } = fetched;
  const foreign = snapshot.root.map(({ name }) => name).find((name) => !OURS.has(name));
  if (snapshot.format === undefined || foreign !== undefined) {
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

/** Deletes the branch, unless it changed since the check: a teammate may just have pushed. */
export async function purgeBranch(git: Git, { remote, ref, tip }: RemoteBranch): Promise<void> {
  const failure = await pushRef(git, { remote, ref, expected: tip });
  if (failure === undefined) return;
  if (failure.kind === 'race') {
    throw refused(`${ref} on ${remote} was changed meanwhile`, 'Run `bd sync` first.');
  }
  const { message, remedy } = describeFailure(failure, remote);
  throw refused(message, remedy);
}

/**
 * The ids of issues in `ours` that `theirs` does not show word for word, so that they are lost when only
 * `theirs` stays. An issue that was deleted before it was shared is no loss.
 */
export function missingIn(theirs: Buffer, ours: Buffer): string[] {
  const shown = new Set(textsOf(theirs));
  const known = new Set(textsOf(theirs).map(idOf));
  return textsOf(ours)
    .filter((text) => !shown.has(text))
    .filter((text) => known.has(idOf(text)) || !text.includes('"status":"tombstone"'))
    .map(idOf);
}

function textsOf(content: Buffer): string[] {
  return [...readIssueLines(content)].map(({ raw }) => Buffer.from(raw).toString('latin1'));
}

function idOf(text: string): string {
  return idOfLine(Buffer.from(text, 'latin1')) ?? text;
}

function refused(message: string, remedy: string): BdError {
  return new BdError('SYNC_FAILED', { message: `nothing was removed: ${message}`, remedy });
}
