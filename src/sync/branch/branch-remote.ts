import type { Git, GitReachOptions } from '../../git/git.ts';
import { FRESH_CLONE_TIMEOUT_MS } from '../../core/limits.ts';
import { findKnownTip, THEIRS, type BranchRefs } from './branch-refs.ts';
import { classifyGitFailure, type GitFailure } from '../../git/git-failure.ts';
import { pushRef, reachRemote, checkedRemote, findRemote } from '../../git/remote.ts';

/** The branch that all clones share, unless the settings name another. */
export const SYNC_BRANCH = 'beads-sync';

/** Used instead on a remote whose rules forbid a new branch; looked for after the branch. */
const OUTSIDE_BRANCHES = 'refs/beads/sync';

export type Fetched =
  /** `from` is the remote and the branch's name, `ref` its place there; `replaced`: the tip that a force-push replaced. */
  | { kind: 'changed'; from: string; ref: string; replaced?: string }
  | { kind: 'unchanged'; from: string; ref: string }
  /** The remote answered, and does not have the branch. */
  | { kind: 'absent'; from: string }
  | GitFailure;

type Pushed = { kind: 'pushed'; from: string } | GitFailure;

/** Read at each use: a setting that changes takes effect at once. */
export interface BranchNames {
  /** Of the branch on the remote; `beads-sync` when undefined. */
  readonly branch?: string | undefined;
  /** One of the repository's remotes; the one it suggests when undefined. */
  readonly remote?: string | undefined;
}

export class BranchRemote {
  readonly #git: Git;
  readonly #names: BranchNames;
  readonly #refs: BranchRefs;
  /** The remote that the repository suggests; it hardly ever changes. */
  #suggested: string | undefined;
  /** Where the branch was found or put last. */
  #found: string | undefined;

  constructor(git: Git, { refs, names }: { refs: BranchRefs; names: BranchNames }) {
    this.#git = git;
    this.#refs = refs;
    this.#names = names;
  }

  branchName(): string {
    return this.#names.branch ?? SYNC_BRANCH;
  }

  /** The remote's name; undefined when there is none. */
  async name(): Promise<string | undefined> {
    const { remote } = this.#names;
    if (remote !== undefined) return await checkedRemote(this.#git, remote);
    return (this.#suggested ??= await findRemote(this.#git));
  }

  /** Fetches it to `refs/bd/remote`, which stays as it is when the remote has no such branch. */
  async fetch(remote: string, options: GitReachOptions = {}): Promise<Fetched> {
    const { theirs } = await this.#refs.tips();
    const from = this.#from(remote);
    for (const ref of this.#places()) {
      const refspec = `+${ref}:${THEIRS}`;
      const result = await reachRemote(this.#git, [...FETCH, '--', remote, refspec], options);
      if (result.exitCode === 0) {
        this.#found = ref;
        const move = moveOfTheirs(result.stderr);
        if (move === 'none') return { kind: 'unchanged', from, ref };
        this.#refs.forget();
        if (move !== 'forced' || theirs === undefined) return { kind: 'changed', from, ref };
        await this.#refs.keepLost(theirs);
        return { kind: 'changed', from, ref, replaced: theirs };
      }
      if (!/couldn't find remote ref/i.test(result.stderr)) {
        // The repository may have another remote by now.
        this.#suggested = undefined;
        this.#refs.forget();
        return classifyGitFailure(result.stderr);
      }
    }
    this.#found = undefined;
    return { kind: 'absent', from };
  }

  /** The branch's tip as it is here, else as the remote has it; throws when the remote does not answer. */
  async findTip(): Promise<string | undefined> {
    const remote = await this.name();
    const tracking = remote === undefined ? [] : [`refs/remotes/${remote}/${this.branchName()}`];
    const known = await findKnownTip(this.#git, tracking);
    if (known !== undefined || remote === undefined) return known;
    const asked = ['ls-remote', '--', remote, ...this.#places()];
    // Short patience for the small question; fetching what there is may take its time.
    const answer = await this.#git.reach(asked, { timeoutMs: FRESH_CLONE_TIMEOUT_MS });
    if (answer.exitCode !== 0 || answer.stdout.length === 0) return undefined;
    const fetched = await this.fetch(remote);
    return fetched.kind === 'changed' ? (await this.#refs.tips()).theirs : undefined;
  }

  /** Pushes one commit to one ref, never by force: the second of two pushes at once is refused. */
  async push(
    remote: string,
    commit: string,
    { theirs, ...options }: GitReachOptions & { theirs: string | undefined },
  ): Promise<Pushed> {
    const [branch = '', ...others] = this.#places();
    const ref = theirs === undefined ? branch : (this.#found ?? branch);
    const failure = await pushRef(this.#git, { remote, commit, ref }, options);
    const pushed = { kind: 'pushed', from: this.#from(remote) } as const;
    if (failure === undefined) return pushed;
    // Where rules forbid a new branch, a ref beside the branches may still be allowed.
    if (failure.kind !== 'rejected' || theirs !== undefined) return failure;
    for (const other of others) {
      const refused = await pushRef(this.#git, { remote, commit, ref: other }, options);
      if (refused === undefined) return pushed;
    }
    return failure;
  }

  /** The branch comes first: where it exists, no other place is looked at. */
  #places(): string[] {
    const branch = `refs/heads/${this.branchName()}`;
    return this.branchName() === SYNC_BRANCH ? [branch, OUTSIDE_BRANCHES] : [branch];
  }

  #from(remote: string): string {
    return `${remote} ${this.branchName()}`;
  }
}

/** Fetches exactly one ref, whatever the repository's configuration would add. */
const FETCH = [
  'fetch',
  '--refmap=',
  '--no-tags',
  '--no-prune',
  '--no-write-fetch-head',
  '--no-recurse-submodules',
  '--no-auto-maintenance',
  '--show-forced-updates',
];

/** git-fetch(1), OUTPUT: `<flag> <summary> <from> -> <to>`; no line for a ref that is up to date. */
function moveOfTheirs(stderr: string): 'none' | 'forward' | 'forced' {
  const moved = stderr.split('\n').find((line) => line.includes(`-> ${THEIRS}`));
  if (moved === undefined) return 'none';
  return moved.startsWith(' +') ? 'forced' : 'forward';
}
