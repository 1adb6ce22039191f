import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { REAL_GIT } from './real-git.ts';

/** What is the person's, by name: files with their mode and content, and refs. */
export type Fingerprint = Record<string, string>;

/** bd's own; and where the remote has bd's branch, which git notes at each push to a remote by name. */
const OUR_REF = /^refs\/(?:bd\/.*|remotes\/[^/]+\/beads-sync)$/;

/**
 * All of a working tree but `.beads`, and all of its repository but what belongs to bd and to git itself
 * (objects). Refs are read through git, as they can be files, packed or in a table.
 */
export function fingerprint(directory: string): Fingerprint {
  const git = (...args: string[]): string =>
    execFileSync(REAL_GIT, args, { cwd: directory, encoding: 'utf8', env: quiet() }).trim();
  const [gitDir = '', commonDir = ''] = git(
    'rev-parse',
    '--path-format=absolute',
    '--git-dir',
    '--git-common-dir',
  ).split('\n');
  const refs = git('for-each-ref', '--format=%(refname) %(symref) %(objectname)')
    .split('\n')
    .map((line): [ref: string, shows: string] => splitOnce(line))
    .filter(([ref]) => ref !== '' && !OUR_REF.test(ref));
  return {
    ...filesBelow(directory, { name: 'work', skips: (path) => isNotWork(directory, path) }),
    ...filesBelow(commonDir, { name: 'git', skips: isGitsOwn }),
    ...(gitDir === commonDir ? {} : filesBelow(gitDir, { name: 'worktree', skips: isGitsOwn })),
    ...Object.fromEntries(refs),
  };
}

/** A repository in the working tree is another one. */
function isNotWork(directory: string, path: string): boolean {
  return /^(?:\.git|\.beads)$/.test(path) || existsSync(join(directory, path, '.git'));
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf(' ');
  return [line.slice(0, at), line.slice(at + 1)];
}

/**
 * Objects, the refs that are read through git, and submodules' repositories, which are others. Of
 * `logs`, all but ours is the person's.
 */
function isGitsOwn(path: string): boolean {
  if (path.startsWith('logs/')) return OUR_REF.test(path.slice('logs/'.length));
  return /^(?:objects|refs|packed-refs|reftable|modules|bd)$/.test(path);
}

function filesBelow(
  root: string,
  { name, skips }: { name: string; skips: (path: string) => boolean },
): Fingerprint {
  const found: Fingerprint = {};
  const visit = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      const inside = relative(root, path);
      if (skips(inside)) continue;
      if (entry.isDirectory()) visit(path);
      else found[`${name} ${inside}`] = describeFile(path);
    }
  };
  visit(root);
  return found;
}

function describeFile(path: string): string {
  const { mode, mtimeMs } = lstatSync(path);
  const about = (mode & 0o170000) === 0o120000 ? readlinkSync(path) : contentOf(path, mode);
  return `${mode.toString(8)} ${mtimeMs} ${about}`;
}

function contentOf(path: string, mode: number): string {
  if ((mode & 0o170000) !== 0o100000) return 'special';
  return createHash('sha1').update(readFileSync(path)).digest('hex');
}

/** Looking changes nothing: without this, git would refresh the index in passing. */
function quiet(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_CONFIG_GLOBAL: '/dev/null',
  };
}
