import type { Git } from './git.ts';
import type { GitObjects } from './objects.ts';
import { decodeTree, encodeTree, isTree, type TreeEntry } from './tree.ts';
import { gitOutput } from './git-output.ts';

/** A file as a tree and as the index know it. */
export type FileEntry = Pick<TreeEntry, 'mode' | 'oid'>;

/** What is at `path` in a commit; undefined when nothing is. */
export async function findInCommit(
  git: Git,
  commit: string,
  path: string,
): Promise<FileEntry | undefined> {
  const listing = await gitOutput(git, ['ls-tree', '-z', '--full-tree', commit, '--', path]);
  const [mode, , oid] = listing.split(/[ \t]/);
  return mode === undefined || oid === undefined ? undefined : { mode, oid };
}

/** The tree that differs from that of `commit` in one file, with the directories that lead there. */
export async function writeTreeWith(
  objects: GitObjects,
  commit: string,
  { path, ...file }: FileEntry & { path: string },
): Promise<string> {
  const directories = path.split('/').slice(0, -1);
  const known = await objects.read([
    `${commit}^{tree}`,
    ...directories.map((_, depth) => `${commit}:${directories.slice(0, depth + 1).join('/')}`),
  ]);
  const nameBytes = await objects.nameBytes();
  const names = path.split('/').map((name) => Buffer.from(name).toString('latin1'));

  const writeLevel = async (depth: number, isThere: boolean): Promise<string> => {
    const content = isThere ? known[depth] : undefined;
    const entries = content === undefined ? [] : decodeTree(content, nameBytes);
    const name = names[depth] ?? '';
    const present = entries.find((entry) => entry.name === name);
    const replaced =
      depth === names.length - 1
        ? { ...file, name }
        : {
            mode: '40000',
            name,
            // What has the directory's name may be a file.
            oid: await writeLevel(depth + 1, present !== undefined && isTree(present)),
          };
    const others = entries.filter((entry) => entry !== present);
    return objects.write('tree', encodeTree([...others, replaced]));
  };
  return writeLevel(0, true);
}
