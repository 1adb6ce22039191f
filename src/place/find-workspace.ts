import { dirname, join, relative, resolve } from 'node:path';
import { BdError } from '../core/errors.ts';
import type { Environment } from '../platform/environment.ts';
import { findGitRepository } from '../git/repository.ts';
import { findMainWorktree, listLinkedWorktrees, type GitWorktree } from '../git/worktrees.ts';
import { isDirectory, readTextIfReachable, statIfReachable } from '../platform/safe-stat.ts';
import { openPlace, WorkspacePlace } from './workspace-place.ts';

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
 * Ends at the home directory: what lies above is not this person's project. All working trees of a
 * repository have one workspace between them, so where there are several the nearest is not enough.
 */
function searchUpward(
  cwd: string,
  { home }: { home: string | undefined },
): WorkspacePlace | undefined {
  let own: WorkspacePlace | undefined;
  // In a nested repository the working trees of the outer one have nothing at this place.
  let from = cwd;
  let upTo: string | undefined;
  for (let directory = cwd; ; directory = dirname(directory)) {
    own ??= open(join(directory, '.beads'));
    if (own?.redirectedFrom !== undefined) return own;
    if (own !== undefined) upTo ??= directory;
    const dotGit = statIfReachable(join(directory, '.git'));
    // The way of nearly all calls: an ordinary repository with a workspace.
    if (own !== undefined && dotGit?.isDirectory() === true) return own;
    if (dotGit !== undefined) {
      const shared = findShared(directory, { from, upTo: upTo ?? directory });
      if (shared !== undefined || own !== undefined) return shared ?? own;
      from = dirname(directory);
    }
    if (directory === home || directory === dirname(directory)) return own;
  }
}

/** Directories of a working tree: the search goes from one up to the other. */
interface Stretch {
  from: string;
  upTo: string;
}

/**
 * The workspace that the working trees of a repository share, at the same place in each: the main one's;
 * else the first by name that holds a store; else, as nobody has used one yet, the first of all, so that
 * two first commands in two of them meet.
 */
function findShared(topLevel: string, { from, upTo }: Stretch): WorkspacePlace | undefined {
  const commonDir = findGitRepository(topLevel)?.commonDir;
  if (commonDir === undefined) return undefined;
  const stretch = { from: relative(topLevel, from), upTo: relative(topLevel, upTo) };
  const openIn = (worktree: GitWorktree): WorkspacePlace | undefined =>
    openInWorktree(worktree.directory, stretch, commonDir);
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
  // The one call that most ancestors cost.
  if (!isDirectory(directory)) return undefined;
  const redirect = readTextIfReachable(join(directory, 'redirect'))?.trim();
  if (redirect !== undefined && redirect !== '') return followRedirect(directory, redirect);
  return isWorkspace(directory) ? openPlace(directory) : undefined;
}

/** One step only, so that two files cannot send us in a circle. */
function followRedirect(directory: string, redirect: string): WorkspacePlace {
  const target = resolve(dirname(directory), redirect);
  if (isDirectory(target) && isWorkspace(target)) {
    return new WorkspacePlace(openPlace(target).beadsDir, { redirectedFrom: directory });
  }
  throw new BdError('NO_WORKSPACE', {
    message: `no beads database found: ${join(directory, 'redirect')} leads to ${target}`,
    remedy: 'Correct the path in that file, or remove it; it counts from the project directory.',
  });
}

function isWorkspace(directory: string): boolean {
  return WORKSPACE_FILES.some((name) => statIfReachable(join(directory, name))?.isFile() === true);
}

/** Whether this workspace was made by another tool, and bd was never set up in it. */
export function lacksProject({ metadataFile }: WorkspacePlace): boolean {
  return readTextIfReachable(metadataFile)?.includes('"project_id"') !== true;
}

/** A database, under the name that the metadata gives it. */
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
