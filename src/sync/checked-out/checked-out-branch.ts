import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { SLICE_BYTES } from '../../core/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Git } from '../../git/git.ts';
import type { GitObjects } from '../../git/objects.ts';
import { operationInProgress } from '../../git/operation-in-progress.ts';
import { indexLockPath, removeLeftIndexLock, takeIndexLock } from '../../git/index-lock.ts';
import { isCommitOpen } from '../../git/open-commit.ts';
import type { Settings } from '../../store/settings.ts';
import { writeCommit } from '../branch/branch-commit.ts';
import { classifyGitFailure } from '../../git/git-failure.ts';
import {
  changedByFilter,
  commitOpen,
  detached,
  inProgress,
  locked,
  stagedByPerson,
  unborn,
  type Obstacle,
} from './checked-out-obstacle.ts';
import { gitError, gitOutput } from '../../git/git-output.ts';
import { findInCommit, writeTreeWith, type FileEntry } from '../../git/tree-path.ts';
import { copyIndex } from '../../git/index-copy.ts';

/** What bd put into the index last: found there, it is not the person's. */
const STAGED = 'staged_blob';

export type Committed =
  | { kind: 'committed'; branch: string; commit: string }
  /** The branch shows that content already. */
  | { kind: 'shown'; branch: string; commit: string }
  | { kind: 'waits'; obstacle: Obstacle }
  /** Somebody was at work at the same time: soon again; `obstacle` if that does not end. */
  | { kind: 'race'; obstacle?: Obstacle };

/** One file as bd commits it on whatever branch is checked out. */
export interface CheckedOutBranch {
  /** From the top of the working tree, with `/`. */
  readonly path: string;
  readonly git: Git;
  commit(change: { content: Buffer; subject: string }): Promise<Committed>;
  /** Why nothing can be committed now, whatever it is. */
  obstacle(): Promise<Obstacle | undefined>;
}

export interface CheckedOutOptions {
  /** Of the working tree: its HEAD and its index are meant. */
  git: Git;
  objects: GitObjects;
  /** Of the repository. */
  commonDir: string;
  path: string;
  /** Stands in the index's lock while bd holds it: one of that name lives at a time. */
  owner: string;
  clock: Clock;
  settings: Settings;
}

/**
 * Nothing is checked out, staged or committed by git's own commands, so no hook runs and nothing but
 * the one file can be in a commit. The index is written before the branch: a crash in between leaves
 * the issues staged; the other way round it would leave their old version staged, for the person's
 * next commit to take back what bd committed.
 */
export function createCheckedOutBranch(options: CheckedOutOptions): CheckedOutBranch {
  const { git, objects, path, owner, settings } = options;

  const lockPath = indexLockPath(git.gitDir);
  const busy = { kind: 'race', obstacle: locked(lockPath) } as const;

  const commit: CheckedOutBranch['commit'] = async ({ content, subject }) => {
    await removeLeftIndexLock(git.gitDir, owner);
    if (existsSync(lockPath)) return busy;
    const found = await look(options);
    if ('obstacle' in found) return { kind: 'waits', obstacle: found.obstacle };
    const { branch, head, shown } = found;
    const blob = await hashBlob(content, head);
    if (shown?.oid === blob) return { kind: 'shown', branch, commit: head };
    await using index = await copyIndex(git);
    const staged = await index.staged(path);
    if (!isSame(staged, shown) && !isOwn(staged, settings.get(STAGED))) {
      return { kind: 'waits', obstacle: stagedByPerson(path) };
    }
    const filter = await activeFilter(git, path);
    if (filter !== undefined) return { kind: 'waits', obstacle: changedByFilter(path, filter) };

    const oid = await objects.write('blob', content);
    const entry = await index.stage(path, oid);
    if (entry === undefined) return { kind: 'race' };
    const tree = await writeTreeWith(objects, head, { path, ...entry });
    const nowMs = options.clock.nowMs();
    const made = await writeCommit(objects, { tree, parent: head, subject, nowMs });
    await assertOnly(git, { path, from: head, to: made });

    settings.set(STAGED, oid);
    // Held as shortly as can be: a git command of the person's fails meanwhile, as it does for any lock.
    const lock = await takeIndexLock(git.gitDir, owner);
    if (lock === undefined) return busy;
    try {
      if (obstacleNow(options, branch) !== undefined) return { kind: 'race' };
      if (!(await index.publish())) return { kind: 'race' };
      return (await moveBranch(git, { branch, from: head, to: made }))
        ? { kind: 'committed', branch, commit: made }
        : { kind: 'race' };
    } finally {
      await lock.release();
    }
  };

  const obstacle = async (): Promise<Obstacle | undefined> => {
    if (existsSync(lockPath)) return busy.obstacle;
    const found = await look(options);
    return 'obstacle' in found ? found.obstacle : undefined;
  };

  return { path, git, commit, obstacle };
}

type Found =
  | { branch: string; head: string; shown: FileEntry | undefined }
  | { obstacle: Obstacle };

async function look(options: CheckedOutOptions): Promise<Found> {
  const { git, path } = options;
  const symbolic = await git.run(['symbolic-ref', '--quiet', 'HEAD']);
  const ref = symbolic.stdout.toString().trim();
  const operation = operationInProgress(git.gitDir);
  // Said first: a rebase and a bisect leave HEAD detached.
  if (operation !== undefined) return { obstacle: inProgress(operation) };
  if (!ref.startsWith('refs/heads/')) return { obstacle: detached };
  const branch = ref.slice('refs/heads/'.length);
  const obstacle = obstacleNow(options, branch);
  if (obstacle !== undefined) return { obstacle };
  const resolved = await git.run(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]);
  if (resolved.exitCode !== 0) return { obstacle: unborn(branch) };
  const head = resolved.stdout.toString().trim();
  return { branch, head, shown: await findInCommit(git, head, path) };
}

/** What the files in the git directory tell, without a process. */
function obstacleNow(
  { git: { gitDir }, commonDir, clock }: CheckedOutOptions,
  branch: string,
): Obstacle | undefined {
  const operation = operationInProgress(gitDir);
  if (operation !== undefined) return inProgress(operation);
  return isCommitOpen({ gitDir, commonDir, branch }, clock.nowMs()) ? commitOpen : undefined;
}

function isSame(entry: FileEntry | 'several' | undefined, shown: FileEntry | undefined): boolean {
  if (entry === undefined || entry === 'several') return entry === shown;
  return entry.oid === shown?.oid && entry.mode === shown.mode;
}

/** Left by a crash of bd, or by a commit of somebody's that came in between. */
function isOwn(entry: FileEntry | 'several' | undefined, oid: string | undefined): boolean {
  return typeof entry === 'object' && entry.oid === oid;
}

/** As git names it; a repository's names are all of one length. */
async function hashBlob(content: Buffer, { length }: string): Promise<string> {
  const hash = createHash(length === 40 ? 'sha1' : 'sha256').update(`blob ${content.length}\0`);
  for (let at = 0; at < content.length; at += SLICE_BYTES) {
    hash.update(content.subarray(at, at + SLICE_BYTES));
    await setImmediate();
  }
  return hash.digest('hex');
}

/** With one of these, git would store something else than the file's bytes. */
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

/** The last guard before anything moves: a commit that touches any other file is never made known. */
async function assertOnly(
  git: Git,
  { path, from, to }: { path: string; from: string; to: string },
): Promise<void> {
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--name-only', from, to];
  const names = (await gitOutput(git, args)).split('\0').filter((name) => name !== '');
  if (names.length === 1 && names[0] === path) return;
  throw new Error(`a commit of ${path} would change ${names.join(', ') || 'nothing'}`);
}

async function moveBranch(
  git: Git,
  { branch, from, to }: { branch: string; from: string; to: string },
): Promise<boolean> {
  const args = ['update-ref', '-m', 'bd: auto-sync', `refs/heads/${branch}`, to, from];
  const moved = await git.run(args);
  if (moved.exitCode === 0) return true;
  if (classifyGitFailure(moved.stderr).kind === 'race') return false;
  throw gitError(git, args, moved);
}
