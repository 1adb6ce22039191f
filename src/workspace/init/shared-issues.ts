import { omitUndefined } from '../../core/omit-undefined.ts';
import { existsSync, openSync, readSync, closeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BdError } from '../../core/errors.ts';
import { FRESH_CLONE_TIMEOUT_MS } from '../../core/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Environment } from '../../platform/environment.ts';
import { listCommitted } from '../../git/tree.ts';
import { type Git, openSharedGit } from '../../git/git.ts';
import { findGitRepository, type GitRepository, findMainWorktree } from '../../git/repository.ts';
import { WorkspacePlace } from '../../place/workspace-place.ts';
import { SYNC_BRANCH } from '../../sync/branch/branch-remote.ts';
import { classifyGitFailure } from '../../git/git-failure.ts';
import { findRemote } from '../../git/remote.ts';
import { createSyncBranch } from '../../sync/branch/sync-branch.ts';
import { openConfig } from '../config/config.ts';
import { readMetadata } from '../config/metadata.ts';

/** Issues of a repository in which bd was not set up yet. */
export interface SharedIssues {
  /** Where the workspace belongs: the top of a working tree. */
  directory: string;
  /** The tracked file that has them; undefined when they are on the branch. */
  file?: string;
  /** What the ids in a tracked file begin with, if it can be found out. */
  prefix?: string;
}

interface Surroundings {
  env: Environment;
  clock: Clock;
}

/** The classic tool's file, which its people commit. */
const CLASSIC_FILE = join('.beads', 'issues.jsonl');

/**
 * Issues that came with the clone: in a file of the classic tool, or on the branch, even when only the remote
 * has that. Undefined when there are none. Throws with the reason when it cannot be found out.
 */
export async function findSharedIssues(
  cwd: string,
  surroundings: Surroundings,
): Promise<SharedIssues | undefined> {
  const repository = findGitRepository(cwd);
  if (repository === undefined) return undefined;
  const { commonDir, topLevel } = repository;
  const main = findMainWorktree(commonDir)?.topLevel ?? topLevel;
  for (const directory of new Set([main, topLevel])) {
    const found = await findTrackedIssues(directory, surroundings);
    if (found !== undefined) return found;
  }
  return (await hasSharedBranch(repository, surroundings)) ? { directory: main } : undefined;
}

/** The issues of a classic workspace that git tracks in `directory`, unless bd is set up there already. */
export async function findTrackedIssues(
  directory: string,
  { env }: { env: Environment },
): Promise<SharedIssues | undefined> {
  const place = new WorkspacePlace(join(directory, '.beads'));
  const { beadsDir, metadataFile } = place;
  const path = join(directory, CLASSIC_FILE);
  const repository = findGitRepository(directory);
  if (repository === undefined || !existsSync(path)) return undefined;
  const { project_id: projectId, jsonl_export: mirror } = readMetadata(place);
  const isNamed = !existsSync(metadataFile) || mirror === basename(path);
  if (projectId !== '' || !isNamed) return undefined;
  const committed = await listCommitted(repository, beadsDir, { env });
  if (!committed.has(basename(path))) return undefined;
  const prefix = await prefixOf(place, path);
  return { directory, file: CLASSIC_FILE, ...omitUndefined({ prefix }) };
}

async function hasSharedBranch(
  repository: GitRepository,
  { env, clock }: Surroundings,
): Promise<boolean> {
  const git = openSharedGit(repository, { env });
  if (!(await isBranchHere(git)) && !(await isBranchLeftBehind(git))) return false;
  const project = { projectId: '', prefix: '' };
  const branch = createSyncBranch({ git, clock, project });
  if ((await branch.findProject()) !== undefined) return true;
  throw new BdError('NO_WORKSPACE', {
    message: `this repository has a branch ${SYNC_BRANCH}, which cannot be joined automatically`,
    remedy: 'Run `bd init` to take it over, as for a branch of the classic tool.',
  });
}

async function isBranchHere(git: Git): Promise<boolean> {
  const refs = ['refs/bd/sync', 'refs/bd/remote', `refs/remotes/*/${SYNC_BRANCH}`];
  const { stdout } = await git.run(['for-each-ref', '--count=1', '--format=%(refname)', ...refs]);
  return stdout.length > 0;
}

/** A single-branch clone lacks the other branches, so ask the remote. */
async function isBranchLeftBehind(git: Git): Promise<boolean> {
  const remote = await findRemote(git);
  if (remote === undefined) return false;
  const specs = await git.run(['config', '--get-all', `remote.${remote}.fetch`]);
  if (specs.stdout.toString().split('\n').some(coversBranch)) return false;
  const asked = ['ls-remote', '--', remote, `refs/heads/${SYNC_BRANCH}`, 'refs/beads/sync'];
  const { exitCode, stdout, stderr } = await git.reach(asked, {
    timeoutMs: FRESH_CLONE_TIMEOUT_MS,
  });
  if (exitCode === 0) return stdout.length > 0;
  throw new BdError('NO_WORKSPACE', {
    message: `${remote} cannot be asked whether it has issues: ${classifyGitFailure(stderr).reason}`,
    remedy: `Run \`bd init\` when ${remote} can be reached, or go to a directory that has a workspace.`,
  });
}

/** Whether a refspec like `+refs/heads/*:refs/remotes/origin/*` has the branch among its sources. */
function coversBranch(refspec: string): boolean {
  const source = refspec.replace(/^\+/, '').split(':')[0] ?? '';
  const [before = '', after] = source.split('*');
  const branch = `refs/heads/${SYNC_BRANCH}`;
  if (after === undefined) return source === branch;
  return branch.startsWith(before) && branch.endsWith(after);
}

/** The prefix in the settings, else that of the first issue's id. */
async function prefixOf(place: WorkspacePlace, path: string): Promise<string | undefined> {
  const config = await openConfig(place, {});
  const setting = config.written('issue_prefix') || config.written('issue-prefix');
  return setting || /"id":\s*"([A-Za-z0-9_][\w.-]*)-[^"-]+"/.exec(readStart(path))?.[1];
}

function readStart(path: string): string {
  const buffer = Buffer.alloc(4_096);
  const file = openSync(path, 'r');
  try {
    return buffer.toString('utf8', 0, readSync(file, buffer));
  } finally {
    closeSync(file);
  }
}
