import { BdError } from '../../core/errors.ts';
import type { GitObjects } from '../../git/objects.ts';
import { decodeTree, isTree, type TreeEntry } from '../../git/tree.ts';
import { parseFormat, type BranchFormat } from './branch-format.ts';

/** Names in the branch's tree. Its issues are in one file, or in a directory of parts (store/shard.ts). */
export const BEADS = '.beads';
export const ISSUES_FILE = 'issues.jsonl';
export const SHARDS_DIRECTORY = 'shard';
export const FORMAT_FILE = 'format.json';

/** The trailer of commits whose lines one of us sealed: what others changed is told from them. */
export const SEAL = 'Bd-Seal: 1';

/** What a commit of the branch holds; the issues themselves are not read yet. */
export interface BranchSnapshot {
  commit: string;
  tree: string;
  parents: string[];
  /** One of us made it. */
  isSealed: boolean;
  /** Undefined on a branch of the classic tool. */
  format: BranchFormat | undefined;
  root: TreeEntry[];
  beads: TreeEntry[];
  /** Undefined while the issues are in one file. */
  shards: TreeEntry[] | undefined;
}

/** Undefined when the repository does not have that commit. */
export async function readSnapshot(
  objects: GitObjects,
  commit: string,
): Promise<BranchSnapshot | undefined> {
  const [header, ...contents] = await objects.read([
    commit,
    `${commit}^{tree}`,
    `${commit}:${BEADS}`,
    `${commit}:${BEADS}/${FORMAT_FILE}`,
    `${commit}:${BEADS}/${SHARDS_DIRECTORY}`,
  ]);
  if (header === undefined) return undefined;
  const nameBytes = await objects.nameBytes();
  const entriesOf = (content: Buffer | undefined): TreeEntry[] =>
    content === undefined ? [] : decodeTree(content, nameBytes);
  const root = entriesOf(contents[0]);
  const beads = root.some((entry) => entry.name === BEADS && isTree(entry))
    ? entriesOf(contents[1])
    : [];
  const hasShards = beads.some((entry) => entry.name === SHARDS_DIRECTORY && isTree(entry));
  return {
    commit,
    ...parseCommit(header.toString()),
    format: contents[2] === undefined ? undefined : parseFormat(contents[2].toString()),
    root,
    beads,
    shards: hasShards ? entriesOf(contents[3]) : undefined,
  };
}

export interface ReadOptions {
  /** What it has just so is left out. */
  since?: BranchSnapshot | undefined;
  /** Refuse to read on where the repository lost a file: what is built on the rest would lack its lines. */
  missing?: 'skip' | 'refuse';
}

/** The lines of `snapshot`. */
export async function readIssues(
  objects: GitObjects,
  snapshot: BranchSnapshot,
  { since, missing = 'skip' }: ReadOptions = {},
): Promise<Buffer> {
  const known = new Set(since === undefined ? [] : issueBlobs(since));
  const wanted = issueBlobs(snapshot).filter((oid) => !known.has(oid));
  if (wanted.length === 0) return Buffer.alloc(0);
  const read = await objects.read(wanted);
  const lost = wanted.find((_, at) => read[at] === undefined);
  if (lost !== undefined && missing === 'refuse') throw lostFile(lost, snapshot);
  const files = read.filter((file) => file !== undefined);
  return Buffer.concat(files.flatMap((file) => [file, ...lineEnd(file)]));
}

/** Both, as tools that know nothing of parts may have written the file anew. */
function issueBlobs({ beads, shards = [] }: BranchSnapshot): string[] {
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
