import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { BdError } from '../core/errors.ts';
import { prefixFrom } from '../core/issue-id.ts';
import type { SyncMode } from '../core/sharing.ts';
import type { Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { isNotFound, writeFileAtomically } from '../platform/files.ts';
import { createGit } from '../platform/git-command.ts';
import { findGitRepository, type GitRepository } from '../platform/git-repository.ts';
import type { Log } from '../platform/log.ts';
import type { Project } from '../sync/branch-format.ts';
import { createSyncBranch } from '../sync/sync-branch.ts';
import { openConfig } from './config.ts';
import { configureMerge } from './merge-settings.ts';
import { readMetadata, writeMetadata, type Metadata } from './metadata.ts';
import { refuseToInitialise } from './present-workspace.ts';
import { openWorkspace } from './workspace.ts';

export interface InitOptions {
  /** Where `.beads` is made. */
  directory: string;
  prefix?: string;
  /** Never send anything to a remote. */
  isLocal: boolean;
  /** Without it, `worktree` where git tracks the mirror already. */
  mode?: SyncMode;
  /** Leave git's way of merging alone. */
  skipsMergeDriver?: boolean;
  env: Environment;
  clock: Clock;
  log: Log;
}

export interface InitReport {
  beads_dir: string;
  prefix: string;
  /** The issues come from a project that this repository's remote holds already. */
  joined: boolean;
  issue_count: number;
  /** Where changes are sent; null when nowhere. */
  remote: string | null;
  /** Everything that was made or changed, one sentence each. */
  changes: string[];
  /** Why the remote's issues are not here yet; null when nothing is wrong. */
  warning: string | null;
}

/** A workspace that has this file keeps its name. */
const CLASSIC_MIRROR = 'issues.jsonl';

/**
 * Makes a workspace in `directory`, or joins the project that the repository's remote holds. The
 * caller owns `.beads/daemon.lock`, for which the directory must be there.
 */
export async function initialise(options: InitOptions): Promise<InitReport> {
  const { env, clock, log } = options;
  const directory = realpathSync.native(options.directory);
  const beadsDir = join(directory, '.beads');
  refuseToInitialise(directory, { env });
  const present = readMetadata(beadsDir);
  const repository = findGitRepository(directory);
  const changes: string[] = [];
  await mkdir(beadsDir, { recursive: true });
  const mirror = [present.jsonl_export, CLASSIC_MIRROR].find((name) =>
    existsSync(join(beadsDir, name)),
  );
  const isTracked =
    repository !== undefined &&
    mirror !== undefined &&
    (await isInHead(repository, beadsDir, mirror, env));
  const mode = options.mode ?? (isTracked ? 'worktree' : 'branch');
  if (isTracked && mode === 'branch') throw cannotBeOnBranch(join(beadsDir, mirror));
  const found =
    repository && mode === 'branch' ? await findProject(repository, { env, clock }) : undefined;
  const project: Project = found ?? {
    projectId: randomUUID(),
    prefix: options.prefix ?? prefixFrom(basename(directory)),
  };
  const metadata = {
    ...present,
    jsonl_export: mirror ?? present.jsonl_export,
    project_id: project.projectId,
  };
  await writeFiles(beadsDir, { metadata, prefix: project.prefix, mode, options });
  changes.push(`made ${beadsDir}`);
  if (mode === 'worktree') changes.push('set sync.mode to worktree');
  if (repository !== undefined && mode === 'branch') {
    const pattern = await excludeFromGit(repository, beadsDir);
    if (pattern !== undefined) changes.push(`added ${pattern} to .git/info/exclude`);
  }
  const merging =
    repository === undefined || mode === 'branch' || options.skipsMergeDriver === true
      ? undefined
      : await configureMerge({ beadsDir, repository, env });
  if (merging !== undefined) changes.push(...merging.made, ...merging.left);

  await using workspace = await openWorkspace({ beadsDir, env, clock, log });
  const report = await workspace.sync.syncNow();
  const isShared = report.remote !== null && !options.isLocal;
  if (found !== undefined && options.prefix !== undefined && options.prefix !== found.prefix) {
    changes.push(`kept the prefix ${found.prefix}: the project has it already`);
  }
  if (isTracked) changes.push(`left ${mirror} to you: git tracks it, commit it when you like`);
  else if (mode === 'worktree') changes.push('left .beads to you: commit it when you like');
  else if (isShared) {
    const branch = workspace.config.text('sync.branch');
    changes.push(`will push changes to ${branch} on ${report.remote} (--local keeps them here)`);
  }
  return {
    beads_dir: beadsDir,
    prefix: workspace.prefix(),
    joined: found !== undefined,
    issue_count: workspace.store.queries.count({}),
    remote: isShared ? report.remote : null,
    changes,
    warning: report.error ?? merging?.warning ?? null,
  };
}

async function findProject(
  repository: GitRepository,
  { env, clock }: { env: Environment; clock: Clock },
): Promise<Project | undefined> {
  const { commonDir: gitDir, topLevel: directory } = repository;
  const git = createGit({ gitDir, directory, env });
  return createSyncBranch({ git, clock, project: { projectId: '', prefix: '' } }).findProject();
}

async function isInHead(
  repository: GitRepository,
  beadsDir: string,
  mirror: string,
  env: Environment,
): Promise<boolean> {
  const git = createGit({ gitDir: repository.gitDir, env });
  const path = relative(repository.topLevel, join(beadsDir, mirror));
  return (await git.run(['cat-file', '-e', `HEAD:${path}`])).exitCode === 0;
}

async function writeFiles(
  beadsDir: string,
  {
    metadata,
    prefix,
    mode,
    options,
  }: { metadata: Metadata; prefix: string; mode: SyncMode; options: InitOptions },
): Promise<void> {
  const files = { '.gitignore': GITIGNORE, 'README.md': README, 'config.yaml': CONFIG };
  for (const [name, content] of Object.entries(files)) {
    // What is there is somebody's, and perhaps tracked.
    const path = join(beadsDir, name);
    if (!existsSync(path)) await writeFileAtomically(path, content);
  }
  const config = await openConfig(beadsDir, { env: {} });
  await config.set('issue_prefix', prefix);
  if (options.isLocal) await config.set('sync.push', 'false');
  if (mode === 'worktree') await config.set('sync.mode', mode);
  // Last: with this file the directory is a workspace.
  await writeMetadata(beadsDir, metadata);
}

function cannotBeOnBranch(mirror: string): BdError {
  return new BdError('INVALID_VALUE', {
    message: `git tracks ${mirror}: with --mode branch every change of an issue would be one of yours`,
    remedy: `Leave --mode out, or take the file out of your commits first: git rm --cached ${mirror}`,
  });
}

/** Keeps `git status` clean without touching a tracked file; undefined when the line is there. */
async function excludeFromGit(
  { commonDir, topLevel }: GitRepository,
  beadsDir: string,
): Promise<string | undefined> {
  const pattern = `/${relative(topLevel, beadsDir).replace(/[\\*?[\]]/g, '\\$&')}/`;
  const path = join(commonDir, 'info', 'exclude');
  const present = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isNotFound(error)) return '';
    throw error;
  });
  if (present.split('\n').includes(pattern)) return undefined;
  await mkdir(dirname(path), { recursive: true });
  const separator = present === '' || present.endsWith('\n') ? '' : '\n';
  await appendFile(path, `${separator}${pattern}\n`);
  return pattern;
}

const CONFIG = `# Settings of this project; \`bd config explain\` lists them all with their values.
`;

const GITIGNORE = `# What belongs to one machine.
*.db
*.db-*
bd.sock
daemon.lock*
daemon.log*
daemon.pid
quarantine/
.*.tmp
`;

const README = `# Issues of this project

This directory belongs to \`bd\` (the npm package \`beads-daemon\`), an issue tracker that lives in the git
repository. The issues are in the \`.jsonl\` file, one JSON object a line; \`beads.db\` is built from it.

    bd ready              what can be worked on
    bd create "Title"     a new issue
    bd status             how things are, and whether all is shared
`;
