import { readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { BdError } from '../core/errors.ts';
import type { Environment } from './environment.ts';

export interface WorkspaceLocation {
  /** The real path of `.beads`: all ways to one workspace meet here. */
  beadsDir: string;
  projectDir: string;
  /** The `.beads` whose `redirect` file led here. */
  redirectedFrom?: string;
}

export interface Search {
  cwd: string;
  env: Environment;
  /** The value of `--db`. */
  databaseFlag?: string | undefined;
}

/** What makes a directory a workspace, whoever made it. */
const WORKSPACE_FILES = ['metadata.json', 'beads.db'];

/**
 * The workspace of a command: `--db` or `BEADS_DB`, then `BEADS_DIR`, then upward from the working
 * directory. Undefined when none is found; a place that was named and is none throws `NO_WORKSPACE`.
 */
export function findWorkspace({ cwd, env, databaseFlag }: Search): WorkspaceLocation | undefined {
  const database = databaseFlag ?? (env['BEADS_DB'] || undefined);
  if (database !== undefined) return openNamed(resolve(cwd, database), 'the database');
  const directory = env['BEADS_DIR'] || undefined;
  if (directory !== undefined) return openNamed(resolve(cwd, directory), 'BEADS_DIR');
  return searchUpward(cwd, { home: env['HOME'] });
}

/** A `.beads` directory, a project directory, or a file in `.beads` which need not be there yet. */
function openNamed(path: string, name: string): WorkspaceLocation {
  const directory = isDirectory(path) ? path : dirname(path);
  const found = open(directory) ?? open(join(directory, '.beads'));
  if (found !== undefined) return found;
  throw new BdError('NO_WORKSPACE', {
    message: `no beads database found: ${name} ${path} is not in a workspace`,
    remedy: 'Name a `.beads` directory that `bd init` has made, or leave it out to search upward.',
  });
}

/** Ends at the home directory: what lies above is not this person's project. */
function searchUpward(
  cwd: string,
  { home }: { home: string | undefined },
): WorkspaceLocation | undefined {
  for (let directory = cwd; ; directory = dirname(directory)) {
    const found = open(join(directory, '.beads')) ?? openInMainRepository(directory, cwd);
    if (found !== undefined) return found;
    if (directory === home || directory === dirname(directory)) return undefined;
  }
}

/** A linked worktree without a workspace of its own uses the one at the same place in its repository. */
function openInMainRepository(worktree: string, cwd: string): WorkspaceLocation | undefined {
  const main = findMainRepository(worktree);
  if (main === undefined) return undefined;
  for (let inside = relative(worktree, cwd); ; inside = dirname(inside)) {
    const found = open(join(main, inside, '.beads'));
    if (found !== undefined || inside === '' || inside === '.') return found;
  }
}

/** Follows `.git` (a file, in a linked worktree) to the common directory, whose parent has the files. */
function findMainRepository(worktree: string): string | undefined {
  const pointer = readText(join(worktree, '.git'));
  const gitDir = pointer?.startsWith('gitdir:')
    ? pointer.slice('gitdir:'.length).trim()
    : undefined;
  if (gitDir === undefined) return undefined;
  const common = readText(join(resolve(worktree, gitDir), 'commondir'))?.trim();
  if (common === undefined) return undefined;
  const commonDir = resolve(worktree, gitDir, common);
  return basename(commonDir) === '.git' ? dirname(commonDir) : commonDir;
}

function open(directory: string): WorkspaceLocation | undefined {
  // The one call that most ancestors cost.
  if (!isDirectory(directory)) return undefined;
  const redirect = readText(join(directory, 'redirect'))?.trim();
  if (redirect !== undefined && redirect !== '') return followRedirect(directory, redirect);
  return isWorkspace(directory) ? locate(directory) : undefined;
}

/** One step only, so that two files cannot send us in a circle. */
function followRedirect(directory: string, redirect: string): WorkspaceLocation {
  const target = resolve(dirname(directory), redirect);
  if (isDirectory(target) && isWorkspace(target)) {
    return { ...locate(target), redirectedFrom: directory };
  }
  throw new BdError('NO_WORKSPACE', {
    message: `no beads database found: ${join(directory, 'redirect')} leads to ${target}`,
    remedy: 'Correct the path in that file, or remove it; it counts from the project directory.',
  });
}

function locate(directory: string): WorkspaceLocation {
  const beadsDir = realpathSync.native(directory);
  return { beadsDir, projectDir: dirname(beadsDir) };
}

function isWorkspace(directory: string): boolean {
  return WORKSPACE_FILES.some((name) => statOf(join(directory, name))?.isFile() === true);
}

function isDirectory(path: string): boolean {
  return statOf(path)?.isDirectory() === true;
}

function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // A directory above that we may not read holds no workspace for us.
    return undefined;
  }
}

function readText(path: string): string | undefined {
  if (statOf(path)?.isFile() !== true) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
