import { BdError } from '../../core/errors.ts';
import { currentBranch, gitOutput, type Git } from '../../git/git.ts';
import type { GitObjects } from '../../git/objects.ts';
import { encodeTree, type TreeEntry } from '../../git/tree.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Pending } from '../../store/outbox.ts';
import type { BranchRefs } from './branch-refs.ts';
import { SYNC_BRANCH } from './branch-remote.ts';
import {
  BEADS,
  encodeFormat,
  FORMAT_FILE,
  ISSUES_FILE,
  SEAL,
  SHARDS_DIRECTORY,
  type BranchSnapshot,
  type BranchSnapshots,
  type Project,
} from './branch-snapshot.ts';
import type { IssueEntry } from './issue-tree.ts';

const README = 'README.md';

/** The author of bd's own commits. */
const AUTHOR = 'bd <bd@localhost>';

/** What a write of the branch works with. */
interface BranchWriter {
  git: Git;
  objects: GitObjects;
  refs: BranchRefs;
  snapshots: BranchSnapshots;
  project: Project;
  clock: Clock;
  branchName: () => string;
}

export interface BranchChange {
  parent: string | undefined;
  issues: IssueEntry;
  subject: string;
  /** What `refs/bd/sync` is expected to be. */
  ours: string | undefined;
}

/**
 * Commits `issues` on `parent`, unless `parent` or `ours` shows them already, and moves the ref there. Returns
 * the commit that shows them; undefined after a race, when everything must be made again: another writer
 * moved the ref, or a `git gc` removed new objects.
 */
export async function writeBranch(
  writer: BranchWriter,
  change: BranchChange,
): Promise<string | undefined> {
  const commit = await commitIssues(writer, change);
  return commit !== undefined && (await writer.objects.haveLasted()) ? commit : undefined;
}

async function commitIssues(
  writer: BranchWriter,
  { parent, issues, subject, ours }: BranchChange,
): Promise<string | undefined> {
  const { objects, snapshots, project, clock, branchName } = writer;
  const base = await snapshots.read(parent);
  if (branchName() !== SYNC_BRANCH && base !== undefined && holdsNoIssues(base)) {
    throw codeBranch(branchName());
  }
  const shown = await writeBranchTree(objects, { base, issues, project });
  const { tree } = shown;
  if (base?.tree === tree) return moveTo(writer, base.commit, ours);
  // The commit that would be made again: it waits to be pushed, or just was.
  const last = await snapshots.read(ours);
  if (last?.tree === tree && last.parents.join() === (parent ?? '')) return last.commit;
  const nowMs = clock.nowMs();
  const commit = await writeCommit(objects, { tree, parent, subject, nowMs });
  // The next commit is made on this one, which need not be read for that.
  const parents = parent === undefined ? [] : [parent];
  snapshots.keep({ ...shown, commit, parents, isSealed: true });
  return moveTo(writer, commit, ours);
}

export function writeCommit(
  objects: GitObjects,
  commit: { tree: string; parent: string | undefined; subject: string; nowMs: number },
): Promise<string> {
  const { tree, parent, subject, nowMs } = commit;
  const identity = `${AUTHOR} ${Math.floor(nowMs / 1000)} +0000`;
  const header = [
    `tree ${tree}`,
    ...(parent === undefined ? [] : [`parent ${parent}`]),
    `author ${identity}`,
    `committer ${identity}`,
  ];
  const text = `${header.join('\n')}\n\n${subject}\n\n${SEAL}\n`;
  return objects.write('commit', Buffer.from(text));
}

/** What a commit says of the issues in it. */
export function commitSubject(pending: Pick<Pending, 'count' | 'ids'>): string {
  return `bd: ${pending.count === 0 ? 'bring the branch up to date' : issueList(pending)}`;
}

/** `2 issues (bd-a, bd-b)`, with an ellipsis for those that `ids` leaves out. */
export function issueList({ count, ids }: Pick<Pending, 'count' | 'ids'>): string {
  const listed = ids.join(', ') + (count > ids.length ? ', …' : '');
  return `${count} ${count === 1 ? 'issue' : 'issues'} (${listed})`;
}

/** The tree of `base` with `issues`. A README that is there already stays, as it may not be bd's. */
async function writeBranchTree(
  objects: GitObjects,
  {
    base,
    issues: { entry, shards },
    project,
  }: { base: BranchSnapshot | undefined; issues: IssueEntry; project: Project },
): Promise<Omit<BranchSnapshot, 'commit' | 'parents' | 'isSealed'>> {
  const beads = (base?.beads ?? []).filter(
    ({ name }) => name !== ISSUES_FILE && name !== SHARDS_DIRECTORY,
  );
  beads.push(entry);
  const layout = shards === undefined ? 'file' : 'parts';
  let format = base?.format;
  if (format?.layout !== layout) {
    format = { project: format?.project ?? project, layout };
    replace(beads, await file(objects, FORMAT_FILE, encodeFormat(format.project, layout)));
  }
  const root = [...(base?.root ?? [])];
  const oid = await objects.write('tree', encodeTree(beads));
  replace(root, { mode: '40000', name: BEADS, oid });
  if (!root.some(({ name }) => name === README)) {
    root.push(await file(objects, README, BRANCH_README));
  }
  const tree = await objects.write('tree', encodeTree(root));
  return { tree, format, root, beads, shards };
}

async function moveTo(
  { git, refs, branchName }: BranchWriter,
  commit: string,
  ours: string | undefined,
): Promise<string | undefined> {
  if (commit === ours) return commit;
  await refuseCodeBranch(git, branchName());
  return (await refs.moveOurs(commit, ours)) ? commit : undefined;
}

/** The user's own branches are never committed on, whatever the settings say. */
async function refuseCodeBranch(git: Git, branch: string): Promise<void> {
  // The issues' own branch may be checked out, to look at it.
  if (branch === SYNC_BRANCH) return;
  const [current, defaults] = await Promise.all([
    currentBranch(git),
    gitOutput(git, ['for-each-ref', '--format=%(symref:lstrip=3)', 'refs/remotes/*/HEAD']),
  ]);
  if (current === branch || defaults.split('\n').includes(branch)) throw codeBranch(branch);
}

/** A branch with other content, which a setting named. */
function holdsNoIssues({ beads, shards, root }: BranchSnapshot): boolean {
  return root.length > 0 && shards === undefined && !beads.some(({ name }) => name === ISSUES_FILE);
}

function codeBranch(branch: string): BdError {
  return new BdError('SYNC_BLOCKED', {
    message: `sync.branch is ${branch}, which holds this repository's own work`,
    remedy: 'Name a branch that holds nothing but issues: `bd config set sync.branch beads-sync`.',
  });
}

async function file(objects: GitObjects, name: string, content: string): Promise<TreeEntry> {
  return { mode: '100644', name, oid: await objects.write('blob', Buffer.from(content)) };
}

function replace(entries: TreeEntry[], entry: TreeEntry): void {
  const at = entries.findIndex(({ name }) => name === entry.name);
  entries.splice(at < 0 ? entries.length : at, at < 0 ? 0 : 1, entry);
}

/** For people who find the branch on a host. */
const BRANCH_README = `# Issues

This branch holds the issues of this project, one per line of the \`.jsonl\` files in \`.beads\`. It is written by
\`bd\` (the npm package \`beads-daemon\`) on the machines of everyone who works on the project, and has
nothing to do with the code on the other branches: do not merge it into them.

Please do not edit it by hand. In a clone of this repository:

    npm install --global beads-daemon
    bd init
    bd list
`;
