import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { SLICE_BYTES } from '../../core/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import { currentBranch, findCommit, type Git, gitOutput, moveRef } from '../../git/git.ts';
import type { GitObjects } from '../../git/objects.ts';
import { operationInProgress, isCommitOpen } from '../../git/operation-in-progress.ts';
import { IndexCopy, removeLeftIndexLock, takeIndexLock } from '../../git/index-file.ts';
import { indexLockPath } from '../../git/operation-in-progress.ts';
import type { State } from '../../store/state.ts';
import { writeCommit } from '../branch/branch-commit.ts';
import type { SyncFailure } from '../sync-failure.ts';
import {
  changedByFilter,
  commitOpen,
  detached,
  inProgress,
  locked,
  stagedByPerson,
  unborn,
} from './checked-out-obstacle.ts';
import { findInCommit, writeTreeWith, type FileEntry } from '../../git/tree.ts';

export type Committed =
  | { kind: 'committed'; branch: string; commit: string }
  /** The branch shows that content already. */
  | { kind: 'shown'; branch: string; commit: string }
  | { kind: 'waits'; obstacle: SyncFailure }
  /** Another program was at work at the same time: try again soon. `obstacle` says why, if that goes on. */
  | { kind: 'race'; obstacle?: SyncFailure };

interface CheckedOutOptions {
  /** The working tree's own git: its HEAD and index are used. */
  git: Git;
  objects: GitObjects;
  commonDir: string;
  /** Relative to the top of the working tree, with `/`. */
  path: string;
  /** Written into the index's lock while bd holds it; two processes never share an owner's name at a time. */
  owner: string;
  clock: Clock;
  state: State;
}

/**
 * Commits one file on the branch that is checked out. It uses no git command that checks out, stages or
 * commits, so no hook runs and no other file can get into the commit. The index is written before the
 * branch moves: a crash in between leaves the issues staged. The other way round it would leave their old
 * version staged, and the user's next commit would revert what bd committed.
 */
export class CheckedOutBranch {
  readonly path: string;
  readonly git: Git;
  readonly #options: CheckedOutOptions;
  readonly #lockPath: string;

  constructor(options: CheckedOutOptions) {
    this.path = options.path;
    this.git = options.git;
    this.#options = options;
    this.#lockPath = indexLockPath(options.git.gitDir);
  }

  async commit({ content, subject }: { content: Buffer; subject: string }): Promise<Committed> {
    const { git, path } = this;
    const { objects, owner, state, clock } = this.#options;
    await removeLeftIndexLock(git.gitDir, owner);
    if (existsSync(this.#lockPath)) return this.#busy();
    const found = await look(this.#options);
    if ('obstacle' in found) return { kind: 'waits', obstacle: found.obstacle };
    const { branch, head, shown } = found;
    if (shown?.oid === (await hashBlob(content, head))) {
      return { kind: 'shown', branch, commit: head };
    }
    await using index = await IndexCopy.make(git);
    const staged = await index.staged(path);
    if (!isSame(staged, shown) && !isOwn(staged, state.get('staged_blob'))) {
      return { kind: 'waits', obstacle: stagedByPerson(path) };
    }
    const filter = await activeFilter(git, path);
    if (filter !== undefined) return { kind: 'waits', obstacle: changedByFilter(path, filter) };

    const oid = await objects.write('blob', content);
    const entry = await index.stage(path, oid);
    if (entry === undefined) return { kind: 'race' };
    const tree = await writeTreeWith(objects, head, { path, ...entry });
    const nowMs = clock.nowMs();
    const commit = await writeCommit(objects, { tree, parent: head, subject, nowMs });
    const move = { branch, from: head, to: commit };
    await assertOnly(git, path, move);
    state.set('staged_blob', oid);
    // Awaited here: leaving this function removes the copy of the index.
    return await this.#publish(index, move);
  }

  /** Why no content can be committed now; undefined when it can. */
  async obstacle(): Promise<SyncFailure | undefined> {
    if (existsSync(this.#lockPath)) return locked(this.#lockPath);
    const found = await look(this.#options);
    return 'obstacle' in found ? found.obstacle : undefined;
  }

  async #publish(index: IndexCopy, move: BranchMove): Promise<Committed> {
    const { branch, from, to } = move;
    // Held as briefly as possible: the user's git commands fail meanwhile, as with any index lock.
    const lock = await takeIndexLock(this.git.gitDir, this.#options.owner);
    if (lock === undefined) return this.#busy();
    try {
      if (obstacleNow(this.#options, branch) !== undefined) return { kind: 'race' };
      if (!(await index.publish())) return { kind: 'race' };
      const ref = `refs/heads/${branch}`;
      const isMoved = await moveRef(this.git, { ref, from, to, log: ['-m', 'bd: auto-sync'] });
      return isMoved ? { kind: 'committed', branch, commit: to } : { kind: 'race' };
    } finally {
      await lock.release();
    }
  }

  #busy(): Committed {
    return { kind: 'race', obstacle: locked(this.#lockPath) };
  }
}

interface BranchMove {
  branch: string;
  from: string;
  to: string;
}

type Found =
  | { branch: string; head: string; shown: FileEntry | undefined }
  | { obstacle: SyncFailure };

async function look(options: CheckedOutOptions): Promise<Found> {
  const { git, path } = options;
  const branch = await currentBranch(git);
  const operation = operationInProgress(git.gitDir);
  // Checked first, as a rebase and a bisect detach HEAD.
  if (operation !== undefined) return { obstacle: inProgress(operation) };
  if (branch === undefined) return { obstacle: detached };
  const obstacle = obstacleNow(options, branch);
  if (obstacle !== undefined) return { obstacle };
  const head = await findCommit(git, `refs/heads/${branch}`);
  if (head === undefined) return { obstacle: unborn(branch) };
  return { branch, head, shown: await findInCommit(git, head, path) };
}

/** As far as the files in the git directory show it, without a process. */
function obstacleNow(
  { git: { gitDir }, commonDir, clock }: CheckedOutOptions,
  branch: string,
): SyncFailure | undefined {
  const operation = operationInProgress(gitDir);
  if (operation !== undefined) return inProgress(operation);
  return isCommitOpen({ gitDir, commonDir, branch }, clock.nowMs()) ? commitOpen : undefined;
}

function isSame(entry: FileEntry | 'several' | undefined, shown: FileEntry | undefined): boolean {
  if (entry === undefined || entry === 'several') return entry === shown;
  return entry.oid === shown?.oid && entry.mode === shown.mode;
}

/** Left by a crash of bd, or by a commit that came in between. */
function isOwn(entry: FileEntry | 'several' | undefined, oid: string | undefined): boolean {
  return typeof entry === 'object' && entry.oid === oid;
}

/** The name that git gives the content; all names of a repository have the same length. */
async function hashBlob(content: Buffer, { length }: string): Promise<string> {
  const hash = createHash(length === 40 ? 'sha1' : 'sha256').update(`blob ${content.length}\0`);
  for (let at = 0; at < content.length; at += SLICE_BYTES) {
    hash.update(content.subarray(at, at + SLICE_BYTES));
    await setImmediate();
  }
  return hash.digest('hex');
}

/** With one of these attributes, git would not store the file's own bytes. */
const FILTERS = ['filter', 'ident', 'working-tree-encoding'];

async function activeFilter(git: Git, path: string): Promise<string | undefined> {
  const listing = await gitOutput(git, ['check-attr', '-z', ...FILTERS, '--', path]);
  const [, ...fields] = listing.split('\0');
  for (let at = 0; at + 1 < fields.length; at += 3) {
    const [name, value] = [fields[at], fields[at + 1]];
    if (value !== 'unspecified' && value !== 'unset') return `${name}=${value}`;
  }
  return undefined;
}

/** The last check before the branch moves: throws if the commit touches any other file. */
async function assertOnly(git: Git, path: string, { from, to }: BranchMove): Promise<void> {
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--name-only', from, to];
  const names = (await gitOutput(git, args)).split('\0').filter((name) => name !== '');
  if (names.length === 1 && names[0] === path) return;
  throw new Error(`a commit of ${path} would change ${names.join(', ') || 'nothing'}`);
}
