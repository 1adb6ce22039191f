import type { GitObjects } from '../../git/objects.ts';
import { encodeTree, type TreeEntry } from '../../git/tree.ts';
import { BRANCH_README, encodeFormat, type Project } from './branch-format.ts';
import {
  BEADS,
  FORMAT_FILE,
  ISSUES_FILE,
  SEAL,
  SHARDS_DIRECTORY,
  type BranchSnapshot,
} from './branch-snapshot.ts';
import type { IssueEntry } from './issue-tree.ts';

const README = 'README.md';

/** Who makes the commits that no person makes. */
const AUTHOR = 'bd <bd@localhost>';

/**
 * The tree that shows `issues`: the entries of `base` with ours in their places. A README that is there
 * already stays, as it may be somebody else's.
 */
export async function writeBranchTree(
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
  if (format?.kind !== 'known' || format.layout !== layout) {
    format = {
      kind: 'known',
      project: format?.kind === 'known' ? format.project : project,
      layout,
    };
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

export function writeCommit(
  objects: GitObjects,
  {
    tree,
    parent,
    subject,
    nowMs,
  }: {
    tree: string;
    parent: string | undefined;
    subject: string;
    nowMs: number;
  },
): Promise<string> {
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

async function file(objects: GitObjects, name: string, content: string): Promise<TreeEntry> {
  return { mode: '100644', name, oid: await objects.write('blob', Buffer.from(content)) };
}

function replace(entries: TreeEntry[], entry: TreeEntry): void {
  const at = entries.findIndex(({ name }) => name === entry.name);
  entries.splice(at < 0 ? entries.length : at, at < 0 ? 0 : 1, entry);
}
