import type { Git } from '../platform/git-command.ts';
import { BRANCH_README, encodeFormat, type Project } from './branch-format.ts';
import { gitError, gitOutput } from './git-output.ts';

export const ISSUES_PATH = '.beads/issues.jsonl';
export const FORMAT_PATH = '.beads/format.json';

const DIRECTORY = '.beads';
const README = 'README.md';

/** File names are bytes to git; this encoding carries any bytes there and back. */
const NAMES = 'latin1';

interface Entry {
  mode: string;
  type: string;
  oid: string;
  name: string;
}

/**
 * The tree that shows `issues`: the entries of `base` with ours in their places. A README or a format
 * file that is there already stays, as it may be somebody else's or a newer bd's.
 */
export async function writeBranchTree(
  git: Git,
  { base, issues, project }: { base: string | undefined; issues: Buffer; project: Project },
): Promise<string> {
  const root = base === undefined ? [] : await listTree(git, base);
  const directory = root.find(({ name, type }) => name === DIRECTORY && type === 'tree');
  const inside = directory === undefined ? [] : await listTree(git, directory.oid);

  replace(inside, 'issues.jsonl', await writeBlob(git, issues));
  if (!inside.some(({ name }) => name === 'format.json')) {
    replace(inside, 'format.json', await writeBlob(git, encodeFormat(project)));
  }
  const beads = await writeTree(git, inside);
  replace(root, DIRECTORY, beads, { mode: '040000', type: 'tree' });
  if (!root.some(({ name }) => name === README)) {
    replace(root, README, await writeBlob(git, BRANCH_README));
  }
  return writeTree(git, root);
}

async function listTree(git: Git, tree: string): Promise<Entry[]> {
  const args = ['ls-tree', '-z', '--full-tree', tree];
  const result = await git.run(args);
  if (result.exitCode !== 0) throw gitError(git, args, result);
  return result.stdout
    .toString(NAMES)
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => {
      const [meta, name] = splitOnce(line, '\t');
      const [mode = '', type = '', oid = ''] = meta.split(' ');
      return { mode, type, oid, name };
    });
}

function replace(
  entries: Entry[],
  name: string,
  oid: string,
  { mode, type } = { mode: '100644', type: 'blob' },
): void {
  const at = entries.findIndex((entry) => entry.name === name);
  entries.splice(at < 0 ? entries.length : at, at < 0 ? 0 : 1, { mode, type, oid, name });
}

function writeBlob(git: Git, content: string | Uint8Array): Promise<string> {
  return gitOutput(git, ['hash-object', '-w', '--stdin'], { input: content });
}

function writeTree(git: Git, entries: readonly Entry[]): Promise<string> {
  const lines = entries.map(({ mode, type, oid, name }) => `${mode} ${type} ${oid}\t${name}\0`);
  return gitOutput(git, ['mktree', '-z', '--missing'], {
    input: Buffer.from(lines.join(''), NAMES),
  });
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
