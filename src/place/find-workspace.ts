import { dirname, join, relative, resolve } from 'node:path';
import { BdError } from '../core/errors.ts';
import type { Environment } from '../platform/environment.ts';
import {
  findGitRepository,
  findMainWorktree,
  listLinkedWorktrees,
  type GitRepository,
} from '../git/repository.ts';
import { isDirectory, readTextIfReachable, statIfReachable } from '../platform/safe-stat.ts';
import { openPlace, WorkspacePlace } from './workspace-place.ts';

export interface Search {
  cwd: string;
  env: Environment;
  /** The value of `--db`. */
  databaseFlag?: string | undefined;
}

/** A directory with one of these is a workspace, of bd or of another tool. */
export const WORKSPACE_FILES = ['metadata.json', 'beads.db'];

/**
 * The workspace of a command: `--db` or `BEADS_DB`, then `BEADS_DIR`, then upward from the working
 * directory. Undefined when none is found; throws `NO_WORKSPACE` when a named place is not a workspace.
 */
export function findWorkspace({ cwd, env, databaseFlag }: Search): WorkspacePlace | undefined {
  const database = databaseFlag ?? (env['BEADS_DB'] || undefined);
  if (database !== undefined) return openNamed(resolve(cwd, database), 'the database');
  const directory = env['BEADS_DIR'] || undefined;
  if (directory !== undefined) return openNamed(resolve(cwd, directory), 'BEADS_DIR');
  return searchUpward(cwd, { home: env['HOME'] });
}

/** A `.beads` directory, a project directory, or a file in `.beads` which need not be there yet. */
function openNamed(path: string, name: string): WorkspacePlace {
  const directory = isDirectory(path) ? path : dirname(path);
  const found = open(directory) ?? open(join(directory, '.beads'));
  if (found !== undefined) return found;
  throw new BdError('NO_WORKSPACE', {
    message: `no beads database found: ${name} ${path} is not in a workspace`,
    remedy: 'Name a `.beads` directory that `bd init` has made, or leave it out to search upward.',
  });
}

/**
 * Stops at the home directory: above it is no project of this user. All working trees of a repository share
 * one workspace, so with several of them the nearest may not be the right one.
 */
function searchUpward(
  cwd: string,
  { home }: { home: string | undefined },
): WorkspacePlace | undefined {
  let own: WorkspacePlace | undefined;
  // The outer repository's working trees contain nothing below a nested repository.
  let from = cwd;
  let upTo: string | undefined;
  for (let directory = cwd; ; directory = dirname(directory)) {
    own ??= open(join(directory, '.beads'));
    if (own?.redirectedFrom !== undefined) return own;
    if (own !== undefined) upTo ??= directory;
    const dotGit = statIfReachable(join(directory, '.git'));
    // Nearly all calls: an ordinary repository with a workspace.
    if (own !== undefined && dotGit?.isDirectory() === true) return own;
    if (dotGit !== undefined) {
      const shared = findShared(directory, { from, upTo: upTo ?? directory });
      if (shared !== undefined || own !== undefined) return shared ?? own;
      from = dirname(directory);
    }
    if (directory === home || directory === dirname(directory)) return own;
  }
}

/** Directories of a working tree, between which to search upward. */
interface Stretch {
  from: string;
  upTo: string;
}

/**
 * The workspace that the working trees of a repository share, at the same place in each: the main one's;
 * else the first by name with a store; else, as none was used yet, the first by name, so that first commands
 * in two of them find the same one.
 */
function findShared(topLevel: string, { from, upTo }: Stretch): WorkspacePlace | undefined {
  const commonDir = findGitRepository(topLevel)?.commonDir;
  if (commonDir === undefined) return undefined;
  const stretch = { from: relative(topLevel, from), upTo: relative(topLevel, upTo) };
  const openIn = (worktree: GitRepository): WorkspacePlace | undefined =>
    openInWorktree(worktree.topLevel, stretch, commonDir);
  const main = findMainWorktree(commonDir);
  const ofMain = main && openIn(main);
  if (ofMain !== undefined) return ofMain;
  const linked = listLinkedWorktrees(commonDir).flatMap((worktree) => openIn(worktree) ?? []);
  return linked.find(holdsStore) ?? linked[0];
}

function openInWorktree(
  worktree: string,
  { from, upTo }: Stretch,
  commonDir: string,
): WorkspacePlace | undefined {
  for (let inside = from; ; inside = dirname(inside)) {
    const found = open(join(worktree, inside, '.beads'));
    // Another repository may be nested at this place.
    if (found !== undefined && found.repository?.commonDir === commonDir) return found;
    if (inside === upTo || inside === '' || inside === '.') return undefined;
  }
}

function open(directory: string): WorkspacePlace | undefined {
  // For most ancestors this is the only system call.
  if (!isDirectory(directory)) return undefined;
  const redirect = readTextIfReachable(join(directory, 'redirect'))?.trim();
  if (redirect !== undefined && redirect !== '') return followRedirect(directory, redirect);
  return isWorkspace(directory) ? openPlace(directory) : undefined;
}

/** One step only, so that two files cannot form a loop. */
function followRedirect(directory: string, redirect: string): WorkspacePlace {
  const target = resolve(dirname(directory), redirect);
  if (isDirectory(target) && isWorkspace(target)) {
    return new WorkspacePlace(openPlace(target).beadsDir, { redirectedFrom: directory });
  }
  throw new BdError('NO_WORKSPACE', {
    message: `no beads database found: ${join(directory, 'redirect')} points to ${target}, which is not a workspace`,
    remedy: 'Correct the path in that file, relative to the project directory, or remove the file.',
  });
}

function isWorkspace(directory: string): boolean {
  return WORKSPACE_FILES.some((name) => statIfReachable(join(directory, name))?.isFile() === true);
}

/** In the metadata of a workspace that bd was set up in. */
export const PROJECT_MARK = '"project_id"';

/** Whether another tool made this workspace, and bd was never set up in it. */
export function lacksProject({ metadataFile }: WorkspacePlace): boolean {
  return readTextIfReachable(metadataFile)?.includes(PROJECT_MARK) !== true;
}

/** Whether there is a database, by the name that the metadata gives it. */
function holdsStore(place: WorkspacePlace): boolean {
  return ['beads.db', databaseName(place)].some(
    (name) => name !== undefined && statIfReachable(place.file(name))?.isFile() === true,
  );
}

function databaseName({ metadataFile }: WorkspacePlace): string | undefined {
  try {
    const metadata: unknown = JSON.parse(readTextIfReachable(metadataFile) ?? '{}');
    const { database } = metadata as { database?: unknown };
    return typeof database === 'string' ? database : undefined;
  } catch {
    return undefined;
  }
}
