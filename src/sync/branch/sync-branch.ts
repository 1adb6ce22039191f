import { BdError } from '../../core/errors.ts';
import { FRESH_CLONE_TIMEOUT_MS } from '../../core/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Git, GitReachOptions } from '../../git/git.ts';
import { createGitObjects, type GitObjects } from '../../git/objects.ts';
import { writeBranchTree, writeCommit } from './branch-commit.ts';
import type { Project } from './branch-format.ts';
import { createBranchRefs, findKnownTip, type BranchTips } from './branch-refs.ts';
import {
  createBranchRemote,
  SYNC_BRANCH,
  type BranchRemote,
  type Fetched,
} from './branch-remote.ts';
import {
  ISSUES_FILE,
  readIssues,
  readSnapshot,
  SEAL,
  type BranchSnapshot,
  type ReadOptions,
} from './branch-snapshot.ts';
import { gitOutput } from '../../git/git-output.ts';
import { packObjects } from '../../git/pack.ts';
import { checkedRemote, findRemote } from '../../git/remote.ts';
import type { IssueEntry } from './issue-tree.ts';

/** The issues as a branch of the repository; nothing here touches HEAD, the index or a working tree. */
export interface SyncBranch {
  readonly project: Project;
  readonly objects: GitObjects;
  /** The name of the remote that shares the branch; undefined when there is none. */
  remote(): Promise<string | undefined>;
  /** Brings the remote's branch to `refs/bd/remote`; `replaced` is what a force-push took from there. */
  fetch(
    remote: string,
    options?: GitReachOptions,
  ): Promise<Fetched & { replaced?: string | undefined }>;
  /** The remote's branch was looked for and is not there any more, which is all right. */
  forgetTheirs(): Promise<void>;
  /** Looks at the repository anew: what is remembered of it may not be so any more. */
  forget(): void;
  tips(): Promise<BranchTips>;
  /** Undefined for a commit that is not here. Throws for another project's branch, or a newer format. */
  snapshot(commit: string): Promise<BranchSnapshot | undefined>;
  /** The lines of a commit. */
  readIssues(snapshot: BranchSnapshot, options?: ReadOptions): Promise<Buffer>;
  /** The latest commit that one of us made, itself or before it along the first parents. */
  sealedCommit(snapshot: BranchSnapshot): Promise<BranchSnapshot | undefined>;
  /** Whether `commit` is `tip` or comes before it. */
  isWithin(commit: string, tip: string): Promise<boolean>;
  /** Whether all of a commit and of its history is here; somebody's `git gc` may have come too early. */
  isWhole(commit: string): Promise<boolean>;
  /**
   * Puts `issues` on top of `parent`; `commit` is `parent` itself when it shows them already. After a
   * 'race' all is to be made anew: another writer moved the ref, or a `git gc` was quicker than it.
   */
  write(options: {
    parent: string | undefined;
    issues: IssueEntry;
    subject: string;
    /** What `refs/bd/sync` is expected to be. */
    ours: string | undefined;
  }): Promise<{ kind: 'written'; commit: string } | { kind: 'race' }>;
  push: BranchRemote['push'];
  /** Packs the objects of `tip` that `since` does not lead to; those lie loose until then. */
  pack(tip: string, options: GitReachOptions & { since?: string | undefined }): Promise<void>;
  /** The project whose issues a clone of the repository brought along; asks the remote at last, and throws when that is silent. */
  findProject(): Promise<Project | undefined>;
}

/** Read at each use: a setting that changes takes effect at once. */
export interface BranchNames {
  /** Of the branch on the remote; `beads-sync` when undefined. */
  readonly branch?: string | undefined;
  /** One of the repository's remotes; the one it suggests when undefined. */
  readonly remote?: string | undefined;
}

/** Meets every object; what a partial clone left with the remote is not asked for. */
const WALK = ['rev-list', '--objects', '--quiet', '--exclude-promisor-objects'];

/** Tips come in pairs, and what they were made from. */
const SNAPSHOTS_KEPT = 4;

export function createSyncBranch({
  git,
  project,
  clock,
  names = {},
}: {
  git: Git;
  project: Project;
  clock: Clock;
  names?: BranchNames;
}): SyncBranch {
  const branchName = (): string => names.branch ?? SYNC_BRANCH;
  const objects = createGitObjects(git);
  const refs = createBranchRefs(git);
  const branchRemote = createBranchRemote(git, branchName);
  const snapshots = new Map<string, BranchSnapshot>();

  // A repository's remote hardly ever changes: looked for again when the one that was found fails.
  let found: string | undefined;
  const remote = async (): Promise<string | undefined> =>
    names.remote === undefined
      ? (found ??= await findRemote(git))
      : await checkedRemote(git, names.remote);

  const fetch: SyncBranch['fetch'] = async (name, options) => {
    const before = await refs.tips();
    const fetched = await branchRemote.fetch(name, options);
    switch (fetched.kind) {
      case 'unchanged':
      case 'absent':
        return fetched;
      case 'changed':
        refs.forget();
        if (!fetched.forced || before.theirs === undefined) return fetched;
        await refs.keepLost(before.theirs);
        return { ...fetched, replaced: before.theirs };
      default:
        refs.forget();
        found = undefined;
        return fetched;
    }
  };

  const keep = (present: BranchSnapshot): void => {
    snapshots.set(present.commit, present);
    const [oldest] = snapshots.keys();
    if (snapshots.size > SNAPSHOTS_KEPT && oldest !== undefined) snapshots.delete(oldest);
  };

  const snapshot: SyncBranch['snapshot'] = async (commit) => {
    const present = snapshots.get(commit) ?? (await readSnapshot(objects, commit));
    if (present === undefined) return undefined;
    if (present.format?.kind === 'newer') throw newerFormat(branchName(), present.format.format);
    keep(present);
    const theirs = present.format?.project;
    if (project.projectId === '' || theirs === undefined) return present;
    if (theirs.projectId === project.projectId) return present;
    throw otherProject(branchName(), { ours: project, theirs });
  };

  /** The commit of ours that we would make again: it waits to be pushed, or just was. */
  const isSame = async (
    ours: string | undefined,
    { tree, parent }: { tree: string; parent: string | undefined },
  ): Promise<boolean> => {
    const present = ours === undefined ? undefined : await snapshot(ours);
    return present?.tree === tree && present.parents.join() === (parent ?? '');
  };

  const put: SyncBranch['write'] = async ({ parent, issues, subject, ours }) => {
    const base = parent === undefined ? undefined : await snapshot(parent);
    if (branchName() !== SYNC_BRANCH && base !== undefined && holdsNoIssues(base)) {
      throw codeBranch(branchName());
    }
    const shown = await writeBranchTree(objects, { base, issues, project });
    const { tree } = shown;
    if (base !== undefined && base.tree === tree) return moveTo(base.commit, ours);
    if (ours !== undefined && (await isSame(ours, { tree, parent }))) {
      return { kind: 'written', commit: ours };
    }
    const nowMs = clock.nowMs();
    const commit = await writeCommit(objects, { tree, parent, subject, nowMs });
    // The next commit is made on this one: it need not be read for that.
    keep({ ...shown, commit, parents: parent === undefined ? [] : [parent], isSealed: true });
    return moveTo(commit, ours);
  };

  return {
    project,
    objects,
    remote,
    fetch,
    forgetTheirs: () => refs.forgetTheirs(),
    forget() {
      refs.forget();
      snapshots.clear();
    },
    tips: () => refs.tips(),
    snapshot,
    readIssues: (present, how) => readIssues(objects, present, how),
    async sealedCommit(present) {
      if (present.isSealed) return present;
      const search = ['--first-parent', '--max-count=1', `--grep=^${SEAL}$`, present.commit];
      const commit = await gitOutput(git, ['rev-list', ...search]);
      return commit === '' ? undefined : snapshot(commit);
    },
    async isWithin(commit, tip) {
      const result = await git.run(['merge-base', '--is-ancestor', commit, tip]);
      return result.exitCode === 0;
    },
    async isWhole(commit) {
      const { exitCode } = await git.run([...WALK, commit]);
      return exitCode === 0;
    },
    async write(options) {
      const written = await put(options);
      if (written.kind === 'race' || (await objects.haveLasted())) return written;
      return { kind: 'race' };
    },
    push: (...args) => branchRemote.push(...args),
    pack: (tip, options) => packObjects(git, tip, options),
    async findProject() {
      const name = await remote();
      const tracking = name === undefined ? [] : [`refs/remotes/${name}/${branchName()}`];
      const known = await findKnownTip(git, tracking);
      if (known !== undefined) return projectOf(await snapshot(known));
      if (name === undefined) return undefined;
      // A small question with little patience: what there is may take its time.
      const asked = branchRemote.hasBranch(name, { timeoutMs: FRESH_CLONE_TIMEOUT_MS });
      if (!(await asked) || (await fetch(name)).kind !== 'changed') return undefined;
      const { theirs } = await refs.tips();
      return theirs === undefined ? undefined : projectOf(await snapshot(theirs));
    },
  };

  async function moveTo(
    commit: string,
    ours: string | undefined,
  ): Promise<{ kind: 'written'; commit: string } | { kind: 'race' }> {
    if (commit === ours) return { kind: 'written', commit };
    await refuseCodeBranch(git, branchName());
    const moved = await refs.moveOurs(commit, ours);
    return moved ? { kind: 'written', commit } : { kind: 'race' };
  }
}

function projectOf(snapshot: BranchSnapshot | undefined): Project | undefined {
  return snapshot?.format?.kind === 'known' ? snapshot.format.project : undefined;
}

/** People's own branches are not ours to commit on, whatever the settings say. */
async function refuseCodeBranch(git: Git, branch: string): Promise<void> {
  // Whoever checks out the issues' own branch wants to look at it.
  if (branch === SYNC_BRANCH) return;
  const [head, defaults] = await Promise.all([
    git.run(['symbolic-ref', '--quiet', '--short', 'HEAD']),
    gitOutput(git, ['for-each-ref', '--format=%(symref:lstrip=3)', 'refs/remotes/*/HEAD']),
  ]);
  if (head.stdout.toString().trim() !== branch && !defaults.split('\n').includes(branch)) return;
  throw codeBranch(branch);
}

/** A branch that somebody made for something else, which a setting named. */
function holdsNoIssues({ beads, shards, root }: BranchSnapshot): boolean {
  return root.length > 0 && shards === undefined && !beads.some(({ name }) => name === ISSUES_FILE);
}

function codeBranch(branch: string): BdError {
  return new BdError('SYNC_BLOCKED', {
    message: `sync.branch is ${branch}, which holds this repository's own work`,
    remedy: 'Name a branch that holds nothing but issues: `bd config set sync.branch beads-sync`.',
  });
}

function otherProject(
  branch: string,
  { ours, theirs }: { ours: Project; theirs: Project },
): BdError {
  return new BdError('SYNC_BLOCKED', {
    message: `the remote's ${branch} belongs to project ${theirs.projectId} (${theirs.prefix}), this is ${ours.projectId}`,
    remedy: `To join that project, set "project_id" in .beads/metadata.json to ${theirs.projectId}; otherwise set sync.branch to another name.`,
  });
}

function newerFormat(branch: string, format: number): BdError {
  return new BdError('SYNC_BLOCKED', {
    message: `the remote's ${branch} has format ${format}, which this bd does not know`,
    remedy: 'Upgrade bd: `npm install --global beads-daemon`.',
  });
}
