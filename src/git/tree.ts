import { relative, sep } from 'node:path';
import { compareBytes } from '../core/issue.ts';
import type { Environment } from '../platform/environment.ts';
import { gitOutput, openWorktreeGit, type Git } from './git.ts';
import type { GitObjects } from './objects.ts';
import type { GitRepository } from './repository.ts';

/** An entry of a tree, as git-mktree(1) names its parts. */
export interface TreeEntry {
  /** `100644` for a file, `40000` for a directory. */
  mode: string;
  /** In latin1: names are bytes to git, and latin1 keeps any bytes. */
  name: string;
  oid: string;
}

/** One entry after another: `<mode> <name>\0<oid>`, with `nameBytes` bytes of oid. */
export function decodeTree(content: Buffer, nameBytes: number): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at);
    const end = content.indexOf(0, space);
    const next = end + 1 + nameBytes;
    entries.push({
      mode: content.toString('latin1', at, space),
      name: content.toString('latin1', space + 1, end),
      oid: content.toString('hex', end + 1, next),
    });
    at = next;
  }
  return entries;
}

export function encodeTree(entries: readonly TreeEntry[]): Buffer {
  const parts = entries
    .toSorted((left, right) => compareBytes(sortKey(left), sortKey(right)))
    .flatMap(({ mode, name, oid }) => [
      Buffer.from(`${mode} ${name}\0`, 'latin1'),
      Buffer.from(oid, 'hex'),
    ]);
  return Buffer.concat(parts);
}

export function isTree({ mode }: TreeEntry): boolean {
  return mode === '40000';
}

/** Git sorts a directory as if its name ended in a slash. */
function sortKey(entry: TreeEntry): string {
  return isTree(entry) ? `${entry.name}/` : entry.name;
}

/** A file as a tree and as the index know it. */
export type FileEntry = Pick<TreeEntry, 'mode' | 'oid'>;

/** The entry at `path` in a commit; undefined when there is none. */
export async function findInCommit(
  git: Git,
  commit: string,
  path: string,
): Promise<FileEntry | undefined> {
  const listing = await gitOutput(git, ['ls-tree', '-z', '--full-tree', commit, '--', path]);
  const [mode, , oid] = listing.split(/[ \t]/);
  return mode === undefined || oid === undefined ? undefined : { mode, oid };
}

/** The files in `directory` as of HEAD: their paths in it, each with the name of its blob. */
export async function listCommitted(
  repository: GitRepository,
  directory: string,
  { env }: { env: Environment },
): Promise<ReadonlyMap<string, string>> {
  const git = openWorktreeGit(repository, { env });
  const place = relative(repository.topLevel, directory).split(sep).join('/');
  const { stdout } = await git.run(['ls-tree', '-r', '-z', '--full-tree', 'HEAD', '--', place]);
  const entries = stdout.toString().split('\0').filter(Boolean);
  return new Map(
    entries.map((entry) => {
      const [facts = '', path = ''] = entry.split('\t');
      return [path.slice(place.length + 1), facts.split(' ')[2] ?? ''];
    }),
  );
}

/** Writes the tree of `commit` with one file changed, and the directories above that file. */
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
            // A file may have the directory's name.
            oid: await writeLevel(depth + 1, present !== undefined && isTree(present)),
          };
    const others = entries.filter((entry) => entry !== present);
    return objects.write('tree', encodeTree([...others, replaced]));
  };
  return writeLevel(0, true);
}
