import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { existsSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BdError } from '../../core/errors.ts';
import { prefixFrom } from '../../core/issue-id.ts';
import { SYNC_MODES, type SyncMode } from '../../core/sharing.ts';
import { openSharedGit } from '../../git/git.ts';
import { checkedRemote, findRemote } from '../../git/remote.ts';
import { listCommitted } from '../../git/tree.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Environment } from '../../platform/environment.ts';
import { writeFileAtomically } from '../../platform/files.ts';
import type { Log } from '../../platform/log.ts';
import { WorkspacePlace } from '../../place/workspace-place.ts';
import type { Project } from '../../sync/branch/branch-snapshot.ts';
import { openConfig, type Config } from '../config/config.ts';
import { CLASSIC_MIRROR, readMetadata, writeMetadata } from '../config/metadata.ts';
import { openWorkspace } from '../workspace.ts';
import { BEADS_FILES } from './beads-files.ts';
import { completeFootprint, namesIn, recordFootprint } from './footprint.ts';
import { excludeBytes, planExclude } from './ignore-files.ts';
import { isMergedByBd, planMerge } from './merge-settings.ts';
import { makeChanges, type PlannedChange } from './planned-change.ts';
import { refuseToInitialise } from './present-workspace.ts';
import {
  findProject,
  lookForProject,
  recallProject,
  type ProjectSearch,
} from './project-search.ts';

export interface InitOptions {
  /** Where `.beads` is made. */
  directory: string;
  prefix?: string | undefined;
  /** Never send anything to a remote. */
  isLocal: boolean;
  /** By default `worktree` where git tracks the mirror already, else `branch`. */
  mode?: SyncMode | undefined;
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

/** What a dry run tells: `changes` are those that would be made. */
export interface InitPreview extends Omit<InitReport, 'issue_count' | 'warning'> {
  dry_run: true;
}

/**
 * Makes a workspace in `directory`, or joins the project that the repository's remote holds. The
 * caller holds `.beads/daemon.lock`, so the directory exists. A dry run asks the remote, needs no lock, and
 * writes nothing: no files, no refs.
 */
export function initialise(options: InitOptions & { isDryRun?: false }): Promise<InitReport>;
export function initialise(options: InitOptions & { isDryRun: true }): Promise<InitPreview>;
export async function initialise({
  isDryRun = false,
  ...options
}: InitOptions & { isDryRun?: boolean }): Promise<InitReport | InitPreview> {
  if (!isDryRun) return await carryOut(await planInit(options, findProject), options);
  const { place, prefix, joined, remote, ...plan } = await planInit(options, lookForProject);
  const { changes } = await makeChanges(plan.changes, { isDryRun });
  return { dry_run: true, beads_dir: place.beadsDir, prefix, joined, remote, changes };
}

async function carryOut(plan: InitPlan, options: InitOptions): Promise<InitReport> {
  const { place, metadata, joined, footprint } = plan;
  await recordFootprint(place, footprint);
  const { changes, warning } = await makeChanges(plan.changes);
  // With this file the directory is a workspace.
  await writeMetadata(place, metadata);
  const shared = await firstSync(plan, options);
  await completeFootprint(place);
  return {
    beads_dir: place.beadsDir,
    joined,
    changes,
    ...shared,
    remote: options.isLocal ? null : shared.remote,
    warning: shared.warning ?? warning,
  };
}

/** After a remote was silent once, the daemon tries again, not this command. */
async function firstSync({ place, silence, remote }: InitPlan, options: InitOptions) {
  await using workspace = await openWorkspace({ ...options, place });
  const { sync, config, store } = workspace;
  if (silence !== undefined) await sync.flushMirror();
  const synced =
    silence === undefined ? await sync.syncNow() : { remote, error: `${silence}; bd keeps trying` };
  const issueCount = store.queries.count({});
  const prefix = config.text('issue_prefix');
  return { prefix, issue_count: issueCount, remote: synced.remote, warning: synced.error };
}

type InitPlan = Awaited<ReturnType<typeof planInit>>;
type Site = Awaited<ReturnType<typeof lookAround>>;
type Target = Awaited<ReturnType<typeof findTarget>>;

/** Everything that `bd init` will do. Writes nothing itself, except what `find` fetches. */
async function planInit(options: InitOptions, find: ProjectSearch) {
  const { prefix: wanted, isLocal, env, clock } = options;
  const site = await lookAround(options);
  const { place, present, mirror, config, mode } = site;
  const { repository } = place;
  const { found, silence } =
    repository && mode === 'branch'
      ? await answerOf((isLocal ? recallProject : find)(repository, { config, env, clock }))
      : {};
  const prefix =
    (wanted === undefined ? config.written('issue_prefix') : undefined) ??
    found?.prefix ??
    wanted ??
    prefixFrom(basename(place.projectDir));
  const metadata = {
    ...present,
    jsonl_export: mirror ?? present.jsonl_export,
    project_id: found?.projectId ?? randomUUID(),
  };
  const target = await findTarget(site, options);
  return {
    place,
    metadata,
    prefix,
    /** Whether the remote holds the project already. */
    joined: found !== undefined,
    /** Where changes will be sent; null when nowhere. */
    remote: target?.name ?? null,
    /** What is there already. */
    footprint: {
      present: namesIn(place),
      written: ['config.yaml', 'metadata.json', metadata.jsonl_export],
      merged: repository !== undefined && (await isMergedByBd(repository, env)),
      exclude_bytes: repository === undefined ? null : excludeBytes(repository),
    },
    changes: await planChanges(site, { options, prefix, target }),
    /** That the remote did not answer; undefined when it did, or was not asked. */
    silence,
  };
}

/** Where a workspace is to be made, and what is there already. */
async function lookAround({ directory, env, ...options }: InitOptions) {
  const place = new WorkspacePlace(join(realpathSync.native(directory), '.beads'));
  const { projectDir, beadsDir, repository } = place;
  refuseToInitialise(projectDir, { env });
  const present = readMetadata(place);
  const mirror = [present.jsonl_export, CLASSIC_MIRROR].find((name) =>
    existsSync(place.file(name)),
  );
  const isTracked =
    repository !== undefined &&
    mirror !== undefined &&
    (await listCommitted(repository, beadsDir, { env })).has(mirror);
  const config = await openConfig(place, env);
  // A config.yaml that is there may be shared, so `bd init` goes by it.
  const writtenMode = SYNC_MODES.find((mode) => mode === config.written('sync.mode'));
  const mode = options.mode ?? writtenMode ?? (isTracked ? 'worktree' : 'branch');
  if (isTracked && mode === 'branch') throw cannotBeOnBranch(place.file(mirror));
  return { place, present, mirror, isTracked, config, mode, writtenMode };
}

/** Without an answer from the remote the plan goes on: it joins what the remote has when that answers. */
async function answerOf(
  search: Promise<Project | undefined>,
): Promise<{ found?: Project | undefined; silence?: string }> {
  try {
    return { found: await search };
  } catch (error) {
    if (error instanceof BdError && error.code === 'GIT_TIMED_OUT') {
      return { silence: `the remote did not answer: ${error.message}` };
    }
    throw error;
  }
}

/** Where changes will be sent; undefined when nowhere. */
async function findTarget(
  { place: { repository }, config, mode }: Site,
  { isLocal, env }: InitOptions,
) {
  if (repository === undefined || isLocal || mode !== 'branch') return undefined;
  if (!config.truth('sync.push')) return undefined;
  const named = config.text('sync.remote');
  const git = openSharedGit(repository, { env });
  const finding = named === '' ? findRemote(git) : checkedRemote(git, named);
  // The first sync reports what is wrong with it.
  const name = await finding.catch(() => undefined);
  return name === undefined ? undefined : { name, branch: config.text('sync.branch') };
}

/** In the order in which they are made and told. */
async function planChanges(
  site: Site,
  { options, prefix, target }: { options: InitOptions; prefix: string; target: Target },
): Promise<PlannedChange[]> {
  const { mirror, isTracked, config, mode, writtenMode = 'branch' } = site;
  const changes = [planFiles(site, { prefix, isLocal: options.isLocal })];
  if (mode !== writtenMode) changes.push(planMode(config, mode));
  changes.push(...(await planGitSettings(site, options)));
  const note = (says: string): void => void changes.push({ says });
  if (options.prefix !== undefined && options.prefix !== prefix) {
    note(`kept the prefix ${prefix}: the project has it already`);
  }
  if (mode === 'worktree' && isTracked) {
    note(`left ${mirror} to you: git tracks it, commit it when you like`);
  } else if (mode === 'worktree') note('left .beads to you: commit it when you like');
  if (mode === 'checked-out') {
    note(commitsNote(options));
    note('left the settings in .beads to you: commit them when you like');
  }
  if (target !== undefined) {
    note(`will push changes to ${target.branch} on ${target.name} (--local keeps them here)`);
  }
  return changes;
}

function planFiles(
  { place, config }: Site,
  { prefix, isLocal }: { prefix: string; isLocal: boolean },
): PlannedChange {
  return {
    says: `made ${place.beadsDir}`,
    async make() {
      await mkdir(place.beadsDir, { recursive: true });
      for (const [name, content] of Object.entries(BEADS_FILES)) {
        // A file that is there is someone else's work, and perhaps tracked.
        if (!existsSync(place.file(name))) await writeFileAtomically(place.file(name), content);
      }
      await config.set('issue_prefix', prefix);
      if (isLocal) await config.set('sync.push', 'false');
    },
  };
}

export function planMode(config: Config, mode: SyncMode): PlannedChange {
  return { says: `set sync.mode to ${mode}`, make: () => config.set('sync.mode', mode) };
}

/** On the branch git ignores `.beads`; otherwise it tracks the mirror, and merges it with bd. */
async function planGitSettings(
  { place, mode }: Site,
  { skipsMergeDriver = false, env }: InitOptions,
): Promise<PlannedChange[]> {
  const { repository } = place;
  if (repository === undefined) return [];
  if (mode === 'branch') return planExclude(repository, place);
  return skipsMergeDriver ? [] : await planMerge(repository, place, env);
}

/** What the mode `checked-out` does without being asked. */
export function commitsNote({ isLocal }: { isLocal: boolean }): string {
  const push = isLocal ? '' : ', and push it when nothing but such commits would go along';
  return `will commit issues on the branch that is checked out${push}`;
}

function cannotBeOnBranch(mirror: string): BdError {
  return new BdError('INVALID_VALUE', {
    message: `git tracks ${mirror}: with --mode branch every change of an issue would be one of yours`,
    remedy: `Leave --mode out, or take the file out of your commits first: git rm --cached ${mirror}`,
  });
}
