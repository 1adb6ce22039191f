import type { SyncFailure } from '../sync-failure.ts';

const THEN = 'bd then goes on by itself.';

export const inProgress = (operation: string): SyncFailure =>
  waits(`git is in the middle of a ${operation}`, `Finish the ${operation} or abort it; ${THEN}`);

export const detached: SyncFailure = waits(
  'no branch is checked out, so there is none to commit the issues on',
  `Check out a branch; ${THEN}`,
);

export const unborn = (branch: string): SyncFailure =>
  waits(`the branch ${branch} has no commit yet`, `Make its first commit; ${THEN}`);

export const commitOpen: SyncFailure = waits(
  'a commit of yours is open in an editor',
  `Finish it; ${THEN}`,
);

export const locked = (path: string): SyncFailure =>
  waits(
    `another git command is at work: ${path} is there`,
    `Wait until it has ended; if none runs, remove that file.`,
  );

export const stagedByPerson = (path: string): SyncFailure =>
  waits(
    `${path} is staged for a commit of yours`,
    `Commit it, or take it back with \`git restore --staged ${path}\`; ${THEN}`,
  );

export const changedByFilter = (path: string, attribute: string): SyncFailure =>
  waits(
    `git would not store ${path} as it is: the attribute ${attribute} changes it`,
    `Take that attribute from the file, in .beads/.gitattributes say; ${THEN}`,
  );

export const noUpstream = (branch: string): SyncFailure =>
  waits(
    `${branch} has no branch of its name on a remote yet`,
    `Push it once (\`git push -u origin ${branch}\`), or keep issues here: \`bd config set sync.push false\`.`,
  );

export const diverged = (branch: string, remote: string): SyncFailure =>
  waits(
    `${remote} has commits on ${branch} that are not here`,
    `Run \`git pull\` when you like; ${THEN}`,
  );

export const waitsForPush = (branch: string, remote: string, count: number): SyncFailure =>
  waits(
    `the issues on ${branch} wait for your own push of ${count === 1 ? '1 commit' : `${count} commits`} to ${remote}`,
    'Run `git push` when you like: bd pushes no commit that is not its own.',
  );

export const mirrorBehind = (path: string): SyncFailure =>
  waits(`${path} does not show the issues yet`, 'Nothing to do: bd writes it as soon as it can.');

/** What bd waits for before it changes the repository: something that the user does or ends. */
function waits(message: string, remedy: string): SyncFailure {
  return { kind: 'blocked', message, remedy, retry: 'soon' };
}
