/** What bd waits for before it changes the repository: something that the user does or ends. */
export interface Obstacle {
  reason: string;
  remedy: string;
}

const THEN = 'bd then goes on by itself.';

export function inProgress(operation: string): Obstacle {
  return {
    reason: `git is in the middle of a ${operation}`,
    remedy: `Finish the ${operation} or abort it; ${THEN}`,
  };
}

export const detached: Obstacle = {
  reason: 'no branch is checked out, so there is none to commit the issues on',
  remedy: `Check out a branch; ${THEN}`,
};

export function unborn(branch: string): Obstacle {
  return {
    reason: `the branch ${branch} has no commit yet`,
    remedy: `Make its first commit; ${THEN}`,
  };
}

export const commitOpen: Obstacle = {
  reason: 'a commit of yours is open in an editor',
  remedy: `Finish it; ${THEN}`,
};

export function locked(path: string): Obstacle {
  return {
    reason: `another git command is at work: ${path} is there`,
    remedy: `Wait until it has ended; if none runs, remove that file.`,
  };
}

export function stagedByPerson(path: string): Obstacle {
  return {
    reason: `${path} is staged for a commit of yours`,
    remedy: `Commit it, or take it back with \`git restore --staged ${path}\`; ${THEN}`,
  };
}

export function changedByFilter(path: string, attribute: string): Obstacle {
  return {
    reason: `git would not store ${path} as it is: the attribute ${attribute} changes it`,
    remedy: `Take that attribute from the file, in .beads/.gitattributes say; ${THEN}`,
  };
}

export function noUpstream(branch: string): Obstacle {
  return {
    reason: `${branch} has no branch of its name on a remote yet`,
    remedy: `Push it once (\`git push -u origin ${branch}\`), or keep issues here: \`bd config set sync.push false\`.`,
  };
}

export function diverged(branch: string, remote: string): Obstacle {
  return {
    reason: `${remote} has commits on ${branch} that are not here`,
    remedy: `Run \`git pull\` when you like; ${THEN}`,
  };
}

export function waitsForPush(branch: string, remote: string, count: number): Obstacle {
  const commits = count === 1 ? '1 commit' : `${count} commits`;
  return {
    reason: `the issues on ${branch} wait for your own push of ${commits} to ${remote}`,
    remedy: 'Run `git push` when you like: bd pushes no commit that is not its own.',
  };
}

export function mirrorBehind(path: string): Obstacle {
  return {
    reason: `${path} does not show the issues yet`,
    remedy: 'Nothing to do: bd writes it as soon as it can.',
  };
}
