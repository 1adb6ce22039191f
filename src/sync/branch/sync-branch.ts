import type { Clock } from '../../platform/clock.ts';
import { type Git, type GitReachOptions, gitOutput, gitSucceeds } from '../../git/git.ts';
import { GitObjects, packObjects } from '../../git/objects.ts';
import { writeBranch, type BranchChange } from './branch-commit.ts';
import { createBranchRefs, findHeldTips } from './branch-refs.ts';
import { BranchRemote, type BranchNames } from './branch-remote.ts';
import {
  BranchSnapshots,
  readIssues,
  SEAL,
  type BranchSnapshot,
  type Project,
  type ReadOptions,
} from './branch-snapshot.ts';

interface BranchOptions {
  git: Git;
  project: Project;
  clock: Clock;
  names?: BranchNames;
}

export type SyncBranch = ReturnType<typeof createSyncBranch>;

/** Visits every object, except those that a partial clone left on the remote. */
const WALK = ['rev-list', '--objects', '--quiet', '--exclude-promisor-objects'];

/** The issues as a branch of the repository; nothing here touches HEAD, the index or a working tree. */
export function createSyncBranch({ git, project, clock, names = {} }: BranchOptions) {
  const objects = new GitObjects(git);
  const refs = createBranchRefs(git);
  const remote = new BranchRemote(git, { refs, names });
  const branchName = (): string => remote.branchName();
  const snapshots = new BranchSnapshots(objects, { project, branchName });
  const writer = { git, objects, refs, snapshots, project, clock, branchName };

  return {
    objects,
    /** The name of the remote that has the branch; undefined when there is none. */
    remote: () => remote.name(),
    /** Fetches the remote's branch to `refs/bd/remote`; `replaced` is the tip that a force-push replaced. */
    fetch: (...args: Parameters<BranchRemote['fetch']>) => remote.fetch(...args),
    /** Deletes `refs/bd/remote`, when the remote no longer has the branch. */
    forgetTheirs: () => refs.forgetTheirs(),
    /** Drops what is cached of the repository, as it may have changed. */
    forget(): void {
      refs.forget();
      snapshots.clear();
    },
    tips: () => refs.tips(),
    /** What the repository holds, also from the user's own clone or fetch; for a store without memory. */
    heldTips: () => findHeldTips(git, branchName()),
    /** Undefined for a commit that is not here. Throws for another project's branch, or a newer format. */
    snapshot: (commit: string | undefined) => snapshots.read(commit),
    readIssues: (snapshot: BranchSnapshot, how?: ReadOptions) => readIssues(objects, snapshot, how),
    /** The latest commit that bd made: this one, or one before it along the first parents. */
    async sealedCommit(snapshot: BranchSnapshot): Promise<BranchSnapshot | undefined> {
      if (snapshot.isSealed) return snapshot;
      const search = ['--first-parent', '--max-count=1', `--grep=^${SEAL}$`, snapshot.commit];
      const commit = await gitOutput(git, ['rev-list', ...search]);
      return commit === '' ? undefined : snapshots.read(commit);
    },
    /** Whether `commit` is `tip` or comes before it. */
    isWithin: (commit: string, tip: string) =>
      gitSucceeds(git, ['merge-base', '--is-ancestor', commit, tip]),
    /** Whether every object of a commit and its history is here: a `git gc` can remove objects before a ref leads to them. */
    isWhole: (commit: string) => gitSucceeds(git, [...WALK, commit]),
    write: (change: BranchChange) => writeBranch(writer, change),
    push: (...args: Parameters<BranchRemote['push']>) => remote.push(...args),
    /** Packs the loose objects of `tip` that `since` does not lead to. */
    pack: (tip: string, options: GitReachOptions & { since?: string | undefined }) =>
      packObjects(git, tip, options),
    /** The project whose issues the repository or its remote has; throws when the remote does not answer. */
    async findProject(): Promise<Project | undefined> {
      const snapshot = await snapshots.read(await remote.findTip());
      return snapshot?.format?.project;
    },
  };
}
