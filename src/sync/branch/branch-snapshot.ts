import { BdError } from '../../core/errors.ts';
import { isRecord } from '../../core/issue-line.ts';
import type { GitObjects } from '../../git/objects.ts';
import { decodeTree, isTree, type TreeEntry } from '../../git/tree.ts';

/** The project whose issues a branch holds: read by `bd init` in a clone, and before anything is joined. */
export interface Project {
  projectId: string;
  prefix: string;
}

/** How the branch stores issues: in `.beads/issues.jsonl`, or in parts under `.beads/shard`. */
type BranchLayout = 'file' | 'parts';

/** A program that does not know parts must not take a branch without the file for an empty one. */
const FORMATS: Readonly<Record<BranchLayout, number>> = { file: 1, parts: 2 };

interface BranchFormat {
  project: Project;
  layout: BranchLayout;
}

export function encodeFormat({ projectId, prefix }: Project, layout: BranchLayout): string {
  const format = { format: FORMATS[layout], project_id: projectId, prefix };
  return `${JSON.stringify(format, undefined, 2)}\n`;
}

/**
 * Undefined for a file that bd did not write: on a branch of the classic tool, or edited by hand. Throws for a
 * format that is newer than this bd.
 */
function parseFormat(text: string, branch: string): BranchFormat | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { format, project_id: projectId, prefix } = value;
  if (typeof format === 'number' && format > FORMATS.parts) throw newerFormat(branch, format);
  if (typeof projectId !== 'string' || projectId === '') return undefined;
  return {
    project: { projectId, prefix: typeof prefix === 'string' ? prefix : 'bd' },
    layout: format === FORMATS.parts ? 'parts' : 'file',
  };
}

/** Names in the branch's tree. Issues are in one file, or in a directory of parts (`shardOf`). */
export const BEADS = '.beads';
export const ISSUES_FILE = 'issues.jsonl';
export const SHARDS_DIRECTORY = 'shard';
export const FORMAT_FILE = 'format.json';

/** The trailer of commits that bd made, whose lines are sealed: what other tools changed since is told from them. */
export const SEAL = 'Bd-Seal: 1';

/** What a commit of the branch holds, without its issues, which are not read yet. */
export interface BranchSnapshot {
  commit: string;
  tree: string;
  parents: string[];
  /** Made by bd. */
  isSealed: boolean;
  /** Undefined on a branch of the classic tool. */
  format: BranchFormat | undefined;
  root: TreeEntry[];
  beads: TreeEntry[];
  /** Undefined while the issues are in one file. */
  shards: TreeEntry[] | undefined;
}

/** Both tips, and the commits they were made from. */
const SNAPSHOTS_KEPT = 4;

/** Reads commits of one project's branch, and keeps the snapshots of the latest. */
export class BranchSnapshots {
  readonly #objects: GitObjects;
  readonly #wanted: { project: Project; branchName: () => string };
  readonly #kept = new Map<string, BranchSnapshot>();

  constructor(objects: GitObjects, wanted: { project: Project; branchName: () => string }) {
    this.#objects = objects;
    this.#wanted = wanted;
  }

  /** Undefined for a commit that is not here. Throws for another project's branch, or a newer format. */
  async read(commit: string | undefined): Promise<BranchSnapshot | undefined> {
    if (commit === undefined) return undefined;
    const branch = this.#wanted.branchName();
    const known = [...this.#kept.values()];
    const snapshot =
      this.#kept.get(commit) ?? (await readSnapshot(this.#objects, commit, { branch, known }));
    if (snapshot === undefined) return undefined;
    this.keep(snapshot);
    const [ours, theirs] = [this.#wanted.project, snapshot.format?.project];
    const isOurs = theirs === undefined || theirs.projectId === ours.projectId;
    // `bd init` in a clone has no project yet, and asks for the branch's.
    if (isOurs || ours.projectId === '') return snapshot;
    throw otherProject(branch, { ours, theirs });
  }

  keep(snapshot: BranchSnapshot): void {
    this.#kept.set(snapshot.commit, snapshot);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > SNAPSHOTS_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }

  clear(): void {
    this.#kept.clear();
  }
}

export interface ReadOptions {
  /** Files that it has too are left out. */
  since?: BranchSnapshot | undefined;
  /** The names of the only parts that are read. */
  parts?: ReadonlySet<string>;
  /** Whether to fail when the repository lost a file: what is built on the rest would lack its lines. */
  missing?: 'skip' | 'refuse';
}

/** The lines of `snapshot`. */
export async function readIssues(
  objects: GitObjects,
  snapshot: BranchSnapshot,
  { since, parts, missing = 'skip' }: ReadOptions = {},
): Promise<Buffer> {
  const known = new Set(since === undefined ? [] : issueBlobs(since));
  const { beads, shards = [] } = snapshot;
  const chosen = parts === undefined ? shards : shards.filter(({ name }) => parts.has(name));
  const wanted = issueBlobs({ beads, shards: chosen }).filter((oid) => !known.has(oid));
  if (wanted.length === 0) return Buffer.alloc(0);
  const found = await objects.read(wanted);
  const lost = wanted.find((_, at) => found[at] === undefined);
  if (lost !== undefined && missing === 'refuse') throw lostFile(lost, snapshot);
  const files = found.filter((file) => file !== undefined);
  return Buffer.concat(files.flatMap((file) => [file, ...lineEnd(file)]));
}

/** Undefined when the repository does not have the commit. Its format may be that of a `known` one. */
async function readSnapshot(
  objects: GitObjects,
  commit: string,
  { branch, known }: { branch: string; known: readonly BranchSnapshot[] },
): Promise<BranchSnapshot | undefined> {
  const nameBytes = await objects.nameBytes();
  const entriesOf = (content: Buffer | undefined): TreeEntry[] =>
    content === undefined ? [] : decodeTree(content, nameBytes);
  const [header, ...trees] = await readTop(objects, commit, nameBytes);
  if (header === undefined) return undefined;
  const [root = [], below = []] = trees.map(entriesOf);
  const beads = treeIn(root, BEADS) === undefined ? [] : below;
  const [formatOid, shardsOid] = [oidIn(beads, FORMAT_FILE), treeIn(beads, SHARDS_DIRECTORY)];
  const same = known.find((each) => oidIn(each.beads, FORMAT_FILE) === formatOid);
  const wanted = [shardsOid, same === undefined ? formatOid : undefined];
  const names = wanted.filter((name) => name !== undefined);
  const read = names.length === 0 ? [] : await objects.read(names);
  const contents = new Map(names.map((name, at) => [name, read[at]]));
  const format = contents.get(formatOid ?? '');
  return {
    commit,
    ...parseCommit(header.toString()),
    format: format === undefined ? same?.format : parseFormat(format.toString(), branch),
    root,
    beads,
    shards: shardsOid === undefined ? undefined : entriesOf(contents.get(shardsOid)),
  };
}

/** A commit, its tree and the tree of `.beads`: what was fetched lately is loose, and read without a process. */
async function readTop(
  objects: GitObjects,
  commit: string,
  nameBytes: number,
): Promise<(Buffer | undefined)[]> {
  const header = await objects.readLoose(commit);
  const root = header && (await objects.readLoose(parseCommit(header.toString()).tree));
  const below = root && (await objects.readLoose(treeIn(decodeTree(root, nameBytes), BEADS) ?? ''));
  if (below !== undefined) return [header, root, below];
  return await objects.read([commit, `${commit}^{tree}`, `${commit}:${BEADS}`]);
}

function oidIn(entries: readonly TreeEntry[], name: string): string | undefined {
  return entries.find((entry) => entry.name === name)?.oid;
}

function treeIn(entries: readonly TreeEntry[], name: string): string | undefined {
  return entries.find((entry) => entry.name === name && isTree(entry))?.oid;
}

/** From both places, as a tool that does not know parts may have written the file again. */
function issueBlobs({ beads, shards = [] }: Pick<BranchSnapshot, 'beads' | 'shards'>): string[] {
  return [...beads.filter(({ name }) => name === ISSUES_FILE), ...shards]
    .filter((entry) => !isTree(entry))
    .map(({ oid }) => oid);
}

function lostFile(oid: string, { commit }: BranchSnapshot): BdError {
  return new BdError('SYNC_FAILED', {
    message: `the repository lost ${oid}, which holds issues of the commit ${commit}`,
    remedy:
      'Bring it back with `git fetch --refetch`, or look with `git fsck`; then run `bd sync`.',
  });
}

function lineEnd(file: Buffer): Buffer[] {
  return file.length === 0 || file.at(-1) === 0x0a ? [] : [Buffer.from('\n')];
}

/** git-commit-tree(1): header lines, an empty line, the message. */
function parseCommit(text: string): Pick<BranchSnapshot, 'tree' | 'parents' | 'isSealed'> {
  const end = text.indexOf('\n\n');
  const header = text.slice(0, end).split('\n');
  const valuesOf = (key: string): string[] =>
    header.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  return {
    tree: valuesOf('tree')[0] ?? '',
    parents: valuesOf('parent'),
    isSealed: text.slice(end).split('\n').includes(SEAL),
  };
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
