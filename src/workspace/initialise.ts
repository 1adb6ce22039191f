import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { existsSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BdError } from '../core/errors.ts';
import { prefixFrom } from '../core/issue-id.ts';
import { SYNC_MODES, type SyncMode } from '../core/sharing.ts';
import type { Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { writeFileAtomically } from '../platform/files.ts';
import { findGitRepository, type GitRepository } from '../platform/git-repository.ts';
import type { Log } from '../platform/log.ts';
import type { Project } from '../sync/branch-format.ts';
import { checkedRemote, findRemote } from '../sync/git-remote.ts';
import { BEADS_FILES } from './beads-files.ts';
import { makeChanges, type Change } from './change.ts';
import { listCommitted } from './committed-files.ts';
import { openConfig, type Config } from './config.ts';
import { excludeBytes, planExclude } from './exclude-line.ts';
import { completeFootprint, namesIn, recordFootprint, type FootprintBefore } from './footprint.ts';
import { isMergedByBd, planMerge } from './merge-settings.ts';
import { CLASSIC_MIRROR, readMetadata, writeMetadata, type Metadata } from './metadata.ts';
import { refuseToInitialise } from './present-workspace.ts';
import {
  findProject,
  lookForProject,
  recallProject,
  type ProjectSearch,
} from './project-search.ts';
import { openSharedGit } from './shared-git.ts';
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

/** What `initialise` would report, had it been run. */
export interface InitPreview extends Pick<
  InitReport,
  'beads_dir' | 'prefix' | 'joined' | 'remote' | 'changes'
> {
  dry_run: true;
}

interface InitPlan {
  beadsDir: string;
  metadata: Metadata;
  prefix: string;
  /** Whether the project is one that the remote holds. */
  joined: boolean;
  /** Where changes will be sent; null when nowhere. */
  remote: string | null;
  /** What is there already. */
  footprint: FootprintBefore;
  changes: Change[];
  /** That the remote did not answer; undefined where it did, or was not asked. */
  silence: string | undefined;
}

/**
 * Makes a workspace in `directory`, or joins the project that the repository's remote holds. The
 * caller owns `.beads/daemon.lock`, for which the directory must be there.
 */
export async function initialise(options: InitOptions): Promise<InitReport> {
  const plan = await planInit(options, findProject);
  const { beadsDir, metadata, joined, footprint, changes: planned } = plan;
  await recordFootprint(beadsDir, footprint);
  const { changes, warning } = await makeChanges(planned);
  // With this file the directory is a workspace.
  await writeMetadata(beadsDir, metadata);
  const shared = await (plan.silence === undefined
    ? shareFirst(options, beadsDir)
    : shareLater(options, plan));
  await completeFootprint(beadsDir);
  return {
    beads_dir: beadsDir,
    joined,
    changes,
    ...shared,
    remote: options.isLocal ? null : shared.remote,
    warning: shared.warning ?? warning,
  };
}

async function shareFirst({ env, clock, log }: InitOptions, beadsDir: string) {
  await using workspace = await openWorkspace({ beadsDir, env, clock, log });
  const { remote, error } = await workspace.sync.syncNow();
  const issueCount = workspace.store.queries.count({});
  return { prefix: workspace.prefix(), issue_count: issueCount, remote, warning: error };
}

/** Who has waited for a silent remote does not wait again: a daemon will. */
async function shareLater({ env, clock, log }: InitOptions, { beadsDir, ...plan }: InitPlan) {
  await using workspace = await openWorkspace({ beadsDir, env, clock, log });
  await workspace.sync.flushMirror();
  const issueCount = workspace.store.queries.count({});
  const warning = `${plan.silence}; bd goes on trying`;
  return { prefix: workspace.prefix(), issue_count: issueCount, remote: plan.remote, warning };
}

/** The same without doing it: nothing is written, neither files nor refs nor a lock; the remote may be asked. */
export async function previewInit(options: InitOptions): Promise<InitPreview> {
  const { beadsDir, changes, prefix, joined, remote } = await planInit(options, lookForProject);
  const says = changes.map((change) => change.says);
  return { dry_run: true, beads_dir: beadsDir, prefix, joined, remote, changes: says };
}

/** All that `bd init` will do, without doing it. */
async function planInit(options: InitOptions, find: ProjectSearch): Promise<InitPlan> {
  const { env, clock } = options;
  const directory = realpathSync.native(options.directory);
  const beadsDir = join(directory, '.beads');
  refuseToInitialise(directory, { env });
  const present = readMetadata(beadsDir);
  const repository = findGitRepository(directory);
  const mirror = [present.jsonl_export, CLASSIC_MIRROR].find((name) =>
    existsSync(join(beadsDir, name)),
  );
  const isTracked =
    repository !== undefined &&
    mirror !== undefined &&
    (await listCommitted(repository, beadsDir, { env })).has(mirror);
  const settings = await readSettings(beadsDir);
  const config = await openConfig(beadsDir, { env });
  const mode = options.mode ?? settings.mode ?? (isTracked ? 'worktree' : 'branch');
  if (isTracked && mode === 'branch') throw cannotBeOnBranch(join(beadsDir, mirror));
  const { found, silence } =
    repository && mode === 'branch'
      ? await answerOf((options.isLocal ? recallProject : find)(repository, { config, env, clock }))
      : {};
  const prefix =
    (options.prefix === undefined ? settings.prefix : undefined) ??
    found?.prefix ??
    options.prefix ??
    prefixFrom(basename(directory));
  const metadata = {
    ...present,
    jsonl_export: mirror ?? present.jsonl_export,
    project_id: found?.projectId ?? randomUUID(),
  };
  const place = { beadsDir, repository, env };
  const footprint = {
    present: namesIn(beadsDir),
    written: ['config.yaml', 'metadata.json', metadata.jsonl_export],
    merged: repository !== undefined && (await isMergedByBd(repository, env)),
    exclude_bytes: repository === undefined ? null : excludeBytes(repository),
  };
  const changes = [planFiles(beadsDir, { prefix, isLocal: options.isLocal })];
  if (mode !== (settings.mode ?? 'branch')) changes.push(planMode(beadsDir, mode));
  if (mode !== 'branch') {
    changes.push(...(await planTracked(place, options)));
  } else if (repository !== undefined) {
    const exclude = planExclude(repository, beadsDir);
    if (exclude !== undefined) changes.push(exclude);
  }
  if (options.prefix !== undefined && options.prefix !== prefix) {
    changes.push({ says: `kept the prefix ${prefix}: the project has it already` });
  }
  const remote = mode === 'branch' ? await planRemote(place, options, config) : undefined;
  if (mode === 'worktree') changes.push(leftToPerson(isTracked ? mirror : undefined));
  if (mode === 'checked-out') {
    const says = 'left the settings in .beads to you: commit them when you like';
    changes.push(...announceCommits(options), { says });
  }
  if (remote !== undefined) {
    changes.push({
      says: `will push changes to ${remote.branch} on ${remote.name} (--local keeps them here)`,
    });
  }
  return {
    beadsDir,
    metadata,
    prefix,
    joined: found !== undefined,
    remote: remote?.name ?? null,
    footprint,
    changes,
    silence,
  };
}

/** A silent remote is one that cannot be reached: what it holds shows when it answers. */
async function answerOf(
  search: Promise<Project | undefined>,
): Promise<{ found?: Project | undefined; silence?: string }> {
  try {
    return { found: await search };
  } catch (error) {
    if (error instanceof BdError && error.details['timeout'] === true) {
      return { silence: `the remote did not answer: ${error.message}` };
    }
    throw error;
  }
}

/** What is set in a `config.yaml` that is there: it is somebody's, and perhaps of all who share the project. */
async function readSettings(beadsDir: string): Promise<{ prefix?: string; mode?: SyncMode }> {
  const config = await openConfig(beadsDir, { env: {} });
  const entries = (await config.entries()).filter(({ source }) => source !== 'default');
  const valueOf = (key: string): string | undefined =>
    entries.find((entry) => entry.key === key)?.value;
  const prefix = valueOf('issue_prefix');
  const mode = SYNC_MODES.find((known) => known === valueOf('sync.mode'));
  return { ...(prefix === undefined ? {} : { prefix }), ...(mode === undefined ? {} : { mode }) };
}

function leftToPerson(trackedMirror: string | undefined): Change {
  return {
    says:
      trackedMirror === undefined
        ? 'left .beads to you: commit it when you like'
        : `left ${trackedMirror} to you: git tracks it, commit it when you like`,
  };
}

/** What the mode `checked-out` does of itself. */
export function announceCommits({ isLocal }: { isLocal: boolean }): Change[] {
  const push = isLocal ? '' : ', and push it when nothing but such commits would go along';
  return [{ says: `will commit issues on the branch that is checked out${push}` }];
}

interface Place {
  beadsDir: string;
  repository: GitRepository | undefined;
  env: Environment;
}

function planFiles(
  beadsDir: string,
  { prefix, isLocal }: { prefix: string; isLocal: boolean },
): Change {
  return {
    says: `made ${beadsDir}`,
    async make() {
      await mkdir(beadsDir, { recursive: true });
      for (const [name, content] of Object.entries(BEADS_FILES)) {
        // What is there is somebody's, and perhaps tracked.
        const path = join(beadsDir, name);
        if (!existsSync(path)) await writeFileAtomically(path, content);
      }
      const config = await openConfig(beadsDir, { env: {} });
      await config.set('issue_prefix', prefix);
      if (isLocal) await config.set('sync.push', 'false');
    },
  };
}

function planMode(beadsDir: string, mode: SyncMode): Change {
  return {
    says: `set sync.mode to ${mode}`,
    async make() {
      const config = await openConfig(beadsDir, { env: {} });
      await config.set('sync.mode', mode);
    },
  };
}

async function planTracked(
  { beadsDir, repository, env }: Place,
  { skipsMergeDriver }: InitOptions,
): Promise<Change[]> {
  if (repository === undefined || skipsMergeDriver === true) return [];
  return await planMerge({ beadsDir, repository, env });
}

/** Where changes will go; undefined when nowhere. */
async function planRemote(
  { repository, env }: Place,
  { isLocal }: InitOptions,
  config: Config,
): Promise<{ name: string; branch: string } | undefined> {
  if (repository === undefined || isLocal) return undefined;
  if (!config.truth('sync.push')) return undefined;
  const named = config.text('sync.remote');
  const git = openSharedGit(repository, { env });
  const finding = named === '' ? findRemote(git) : checkedRemote(git, named);
  // What is wrong with it, the first sync tells.
  const name = await finding.catch(() => undefined);
  return name === undefined ? undefined : { name, branch: config.text('sync.branch') };
}

function cannotBeOnBranch(mirror: string): BdError {
  return new BdError('INVALID_VALUE', {
    message: `git tracks ${mirror}: with --mode branch every change of an issue would be one of yours`,
    remedy: `Leave --mode out, or take the file out of your commits first: git rm --cached ${mirror}`,
  });
}
