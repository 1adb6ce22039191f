import { BdError, messageOf } from '../core/errors.ts';
import type { SharingFailure } from '../core/sharing.ts';
import { isDiskFull, MAKE_SPACE, type GitFailure } from '../git/git-failure.ts';

export interface SyncFailure {
  kind: SharingFailure;
  message: string;
  remedy: string;
  /** The cause is local, where looking again costs little: waits stay short and end with the next change. */
  retry?: 'soon';
}

/** How a cycle ends: everything is shared, as far as there is a remote and it is wanted, or why not. */
export type CycleEnd = 'shared' | 'no_remote' | 'off' | SyncFailure;

const REMEDIES: Readonly<Record<SharingFailure, string>> = {
  offline: 'Nothing to do: bd tries again by itself, and `bd sync` tries at once.',
  auth: 'Run `git fetch` in the project, so that git can ask for what it needs, then `bd sync`.',
  rejected:
    'Let the remote accept pushes to that branch, name another with `bd config set sync.branch`, or stop sharing with `bd config set sync.push false`.',
  blocked: 'Do what the message says, then run `bd sync`.',
  failed: 'Run `git fetch` in the project to see all that git says, then `bd sync`.',
};

const WORDS: Readonly<Record<SharingFailure, string>> = {
  offline: 'cannot be reached',
  auth: 'wants a login',
  rejected: 'refused the push',
  blocked: 'cannot be used',
  failed: 'could not be synced',
};

export function describeFailure({ kind, reason }: GitFailure, remote: string): SyncFailure {
  const known = kind === 'race' ? 'failed' : kind;
  return {
    kind: known,
    message: `the remote ${remote} ${WORDS[known]}: ${reason}`,
    remedy: isDiskFull(reason) ? MAKE_SPACE : REMEDIES[known],
  };
}

export function overtaken(): SyncFailure {
  return {
    kind: 'failed',
    message: 'others moved the branch each time bd was about to move it',
    remedy: REMEDIES.offline,
  };
}

/** The answer to a caller that waited long enough; in a daemon, the cycle itself waits on. */
export function unanswered(
  remote: string | undefined,
  { waitedMs, goesOn }: { waitedMs: number; goesOn: boolean },
): SyncFailure {
  return {
    kind: 'offline',
    message: `the remote${remote === undefined ? '' : ` ${remote}`} has not answered for ${waitedMs / 1000} s`,
    remedy: goesOn
      ? 'Nothing to do: the daemon goes on trying.'
      : 'Your changes are kept: run `bd sync` again when the remote can be reached.',
  };
}

/** `from` is the remote and the branch's name. */
export function deletedBranch(from: string): SyncFailure {
  const [remote, branch] = from.split(' ');
  return {
    kind: 'blocked',
    message: `${branch} was deleted on the remote ${remote}; nothing was lost here`,
    remedy:
      'If that was a mistake, `bd sync --publish` puts it there again; otherwise stop sharing with `bd config set sync.push false`.',
  };
}

export function failureFrom(error: unknown): SyncFailure {
  if (error instanceof BdError) {
    const kind = error.code === 'SYNC_BLOCKED' ? 'blocked' : 'failed';
    return { kind, message: error.message, remedy: error.remedy };
  }
  const message = messageOf(error);
  const remedy = isDiskFull(message) ? MAKE_SPACE : REMEDIES.failed;
  return { kind: 'failed', message: `sync failed: ${message}`, remedy };
}
