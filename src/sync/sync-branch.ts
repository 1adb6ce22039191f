import { BdError } from '../core/errors.ts';
import type { Git, GitResult } from '../platform/git-command.ts';
import { parseFormat, type Project } from './branch-format.ts';
import { FORMAT_PATH, ISSUES_PATH, writeBranchTree } from './branch-tree.ts';
import { classifyGitFailure, type GitFailure } from './git-failure.ts';
import { gitError, gitOutput } from './git-output.ts';
import { checkedRemote, findRemote } from './git-remote.ts';

const SYNC_BRANCH = 'beads-sync';

/** Neither is under refs/heads: nobody can check them out, and `git branch` does not show them. */
const OURS = 'refs/bd/sync';
const THEIRS = 'refs/bd/remote';

/** The trailer of commits whose lines one of us sealed: what others changed is told from them. */
const SEAL = 'Bd-Seal: 1';

interface BranchTips {
  /** The remote's branch, as it was fetched last. */
  theirs: string | undefined;
  /** Our last commit. */
  ours: string | undefined;
}

type Fetched = { kind: 'fetched' } | GitFailure;
type Pushed = { kind: 'pushed' } | GitFailure;

/** The issues as a branch of the repository; nothing here touches HEAD, the index or a working tree. */
export interface SyncBranch {
  readonly project: Project;
  /** The name of the remote that shares the branch; undefined when there is none. */
  remote(): Promise<string | undefined>;
  /** Brings the remote's branch to `refs/bd/remote`; a remote without that branch has no such ref. */
  fetch(remote: string, options?: { signal?: AbortSignal }): Promise<Fetched>;
  tips(): Promise<BranchTips>;
  /** The issue file of a commit; undefined when it has none. Throws for another project's branch. */
  readIssues(commit: string): Promise<Buffer | undefined>;
  /** The latest commit that one of us made, `commit` itself or before it along the first parents. */
  sealedCommit(commit: string): Promise<string | undefined>;
  /** Puts `issues` on top of `parent`; `commit` is `parent` itself when it shows them already. */
  write(options: {
    parent: string | undefined;
    issues: Buffer;
    subject: string;
    /** What `refs/bd/sync` is expected to be; another writer moved it when 'race' is returned. */
    ours: string | undefined;
  }): Promise<{ kind: 'written'; commit: string } | { kind: 'race' }>;
  push(remote: string, commit: string, options?: { signal?: AbortSignal }): Promise<Pushed>;
  /** The project whose issues a clone of the repository brought along; asks the remote at last. */
  findProject(options?: { signal?: AbortSignal }): Promise<Project | undefined>;
}

/** Read at each use: a setting that changes takes effect at once. */
export interface BranchNames {
  /** Of the branch on the remote; `beads-sync` when undefined. */
  readonly branch?: string | undefined;
  /** One of the repository's remotes; the one it suggests when undefined. */
  readonly remote?: string | undefined;
}

const AUTHOR = { name: 'bd', email: 'bd@localhost' };

export function createSyncBranch({
  git,
  project,
  names = {},
  author = AUTHOR,
}: {
  git: Git;
  project: Project;
  names?: BranchNames;
  author?: { name: string; email: string };
}): SyncBranch {
  const branchName = (): string => names.branch ?? SYNC_BRANCH;
  const remoteRef = (): string => `refs/heads/${branchName()}`;

  // A repository's remote hardly ever changes: looked for again when the one that was found fails.
  let found: string | undefined;
  const remote = async (): Promise<string | undefined> =>
    names.remote === undefined
      ? (found ??= await findRemote(git))
      : await checkedRemote(git, names.remote);

  const fetch: SyncBranch['fetch'] = async (name, { signal } = {}) => {
    const result = await runNetwork(
      git,
      [...FETCH, '--', name, `+${remoteRef()}:${THEIRS}`],
      signal,
    );
    if (result.exitCode === 0) return { kind: 'fetched' };
    if (/couldn't find remote ref/i.test(result.stderr)) {
      await gitOutput(git, ['update-ref', '-d', THEIRS]);
      return { kind: 'fetched' };
    }
    found = undefined;
    return classifyGitFailure(result.stderr);
  };

  const readProject = async (commit: string): Promise<Project | undefined> => {
    const file = await readFile(git, commit, FORMAT_PATH);
    const format = file === undefined ? undefined : parseFormat(file.toString());
    if (format?.kind === 'newer') throw newerFormat(branchName(), format.format);
    return format?.project;
  };

  return {
    project,
    remote,
    fetch,
    async tips() {
      const refs = await readRefs(git, 'refs/bd/');
      return { theirs: refs.get(THEIRS), ours: refs.get(OURS) };
    },
    async readIssues(commit) {
      const theirs = await readProject(commit);
      if (theirs !== undefined && theirs.projectId !== project.projectId) {
        throw otherProject(branchName(), { ours: project, theirs });
      }
      return readFile(git, commit, ISSUES_PATH);
    },
    async sealedCommit(commit) {
      const args = ['rev-list', '--first-parent', '--max-count=1', `--grep=^${SEAL}$`, commit];
      return (await gitOutput(git, args)) || undefined;
    },
    async write({ parent, issues, subject, ours }) {
      const base = parent === undefined ? undefined : await treeOf(git, parent);
      const tree = await writeBranchTree(git, { base, issues, project });
      const commit =
        parent !== undefined && tree === base
          ? parent
          : ours !== undefined && (await showsSame(git, ours, { tree, parent }))
            ? ours
            : await gitOutput(git, commitTree({ tree, parent, author }), {
                input: `${subject}\n\n${SEAL}\n`,
              });
      if (commit === ours) return { kind: 'written', commit };
      await refuseCodeBranch(git, branchName());
      const moved = await git.run(['update-ref', OURS, commit, ours ?? '0'.repeat(commit.length)]);
      if (moved.exitCode === 0) return { kind: 'written', commit };
      if (classifyGitFailure(moved.stderr).kind === 'race') return { kind: 'race' };
      throw gitError(git, ['update-ref'], moved);
    },
    async push(name, commit, { signal } = {}) {
      const result = await runNetwork(
        git,
        // A mirror remote would refuse a single ref, or be sent all of them by force.
        ['-c', `remote.${name}.mirror=false`, ...PUSH, '--', name, `${commit}:${remoteRef()}`],
        signal,
      );
      if (result.exitCode === 0) return { kind: 'pushed' };
      return classifyPushFailure(result);
    },
    async findProject(options) {
      const name = await remote();
      const tracking = name === undefined ? [] : [`refs/remotes/${name}/${branchName()}`];
      const known = [THEIRS, ...tracking, OURS];
      const refs = await readRefs(git, ...known);
      const commit = known.map((ref) => refs.get(ref)).find((oid) => oid !== undefined);
      if (commit !== undefined) return readProject(commit);
      if (name === undefined || (await fetch(name, options)).kind !== 'fetched') return undefined;
      const fetched = (await readRefs(git, THEIRS)).get(THEIRS);
      return fetched === undefined ? undefined : readProject(fetched);
    },
  };
}

/** Exactly one ref, whatever the repository's configuration would add to it. */
const FETCH = [
  'fetch',
  '--refmap=',
  '--no-tags',
  '--no-prune',
  '--no-write-fetch-head',
  '--no-recurse-submodules',
  '--no-auto-maintenance',
  '--no-show-forced-updates',
  '--quiet',
];

const PUSH = ['push', '--porcelain', '--no-verify', '--no-follow-tags', '--no-signed'];

/** A call that was too late is an answer too: the remote is out of reach. */
async function runNetwork(
  git: Git,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<GitResult> {
  try {
    return await git.reach(args, signal === undefined ? {} : { signal });
  } catch (error) {
    if (!(error instanceof BdError && error.details['timeout'] === true)) throw error;
    return { exitCode: 1, stdout: Buffer.alloc(0), stderr: `timed out: ${error.message}` };
  }
}

/** The line about our ref decides; only a push that came to no ref is judged by what else git said. */
function classifyPushFailure({ stdout, stderr }: GitResult): GitFailure {
  const refused = stdout
    .toString()
    .split('\n')
    .find((line) => line.startsWith('!\t'));
  if (refused === undefined) return classifyGitFailure(stderr);
  const failure = classifyGitFailure(refused);
  const said = /^remote: (.*\S)/m.exec(stderr)?.[1];
  return said === undefined ? failure : { ...failure, reason: `${failure.reason}: ${said}` };
}

/** In a partial clone reading fetches the blob. */
async function readFile(git: Git, commit: string, path: string): Promise<Buffer | undefined> {
  const result = await git.reach(['cat-file', 'blob', `${commit}:${path}`]);
  if (result.exitCode === 0) return result.stdout;
  if (/does not exist in|exists on disk, but not in|not a valid object name/i.test(result.stderr)) {
    return undefined;
  }
  throw gitError(git, ['cat-file'], result);
}

async function readRefs(git: Git, ...patterns: string[]): Promise<Map<string, string>> {
  const listing = await gitOutput(git, [
    'for-each-ref',
    '--format=%(refname) %(objectname)',
    ...patterns,
  ]);
  const lines = listing.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
}

/** People's own branches are not ours to commit on, whatever the settings say. */
async function refuseCodeBranch(git: Git, branch: string): Promise<void> {
  const [head, defaults] = await Promise.all([
    git.run(['symbolic-ref', '--quiet', '--short', 'HEAD']),
    gitOutput(git, ['for-each-ref', '--format=%(symref:lstrip=3)', 'refs/remotes/*/HEAD']),
  ]);
  if (head.stdout.toString().trim() !== branch && !defaults.split('\n').includes(branch)) return;
  throw new BdError('SYNC_FAILED', {
    message: `sync.branch is ${branch}, which holds this repository's own work`,
    remedy: 'Name a branch that holds nothing but issues: `bd config set sync.branch beads-sync`.',
    details: { blocked: true },
  });
}

function treeOf(git: Git, commit: string): Promise<string> {
  return gitOutput(git, ['rev-parse', '--verify', '--quiet', `${commit}^{tree}`]);
}

/** Whether our last commit is the one we would make now: it waits to be pushed, or just was. */
async function showsSame(
  git: Git,
  ours: string,
  { tree, parent }: { tree: string; parent: string | undefined },
): Promise<boolean> {
  const commit = await gitOutput(git, ['cat-file', 'commit', ours]);
  const header = commit.split('\n\n')[0]?.split('\n') ?? [];
  const parents = header.filter((line) => line.startsWith('parent '));
  const expected = parent === undefined ? [] : [`parent ${parent}`];
  return header[0] === `tree ${tree}` && parents.join() === expected.join();
}

function commitTree({
  tree,
  parent,
  author,
}: {
  tree: string;
  parent: string | undefined;
  author: { name: string; email: string };
}): string[] {
  const identity = ['author', 'committer'].flatMap((role) =>
    ['-c', `${role}.name=${author.name}`].concat('-c', `${role}.email=${author.email}`),
  );
  const parents = parent === undefined ? [] : ['-p', parent];
  return identity.concat('commit-tree', '--no-gpg-sign', tree, parents);
}

function otherProject(
  branch: string,
  { ours, theirs }: { ours: Project; theirs: Project },
): BdError {
  return new BdError('SYNC_FAILED', {
    message: `the remote's ${branch} belongs to project ${theirs.projectId} (${theirs.prefix}), this is ${ours.projectId}`,
    remedy: `To join that project, set "project_id" in .beads/metadata.json to ${theirs.projectId}; otherwise set sync.branch to another name.`,
    details: { blocked: true },
  });
}

function newerFormat(branch: string, format: number): BdError {
  return new BdError('SYNC_FAILED', {
    message: `the remote's ${branch} has format ${format}, which this bd does not know`,
    remedy: 'Upgrade bd: `npm install --global beads-daemon`.',
    details: { blocked: true },
  });
}
