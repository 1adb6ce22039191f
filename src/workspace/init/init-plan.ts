import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { existsSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BdError } from '../../core/errors.ts';
import { prefixFrom } from '../../core/issue-id.ts';
import { SYNC_MODES, type SyncMode } from '../../core/sharing.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Environment } from '../../platform/environment.ts';
import { writeFileAtomically } from '../../platform/files.ts';
import { findGitRepository, type GitRepository } from '../../git/repository.ts';
import type { Log } from '../../platform/log.ts';
import type { Project } from '../../sync/branch/branch-format.ts';
import { checkedRemote, findRemote } from '../../git/remote.ts';
import { BEADS_FILES } from './beads-files.ts';
import type { Change } from './change.ts';
import { listCommitted } from './committed-files.ts';
import { openConfig, type Config } from '../config/config.ts';
import { excludeBytes, planExclude } from './exclude-line.ts';
import { namesIn, type FootprintBefore } from './footprint.ts';
import { isMergedByBd, planMerge } from './merge-settings.ts';
import { CLASSIC_MIRROR, readMetadata, type Metadata } from '../config/metadata.ts';
import { refuseToInitialise } from './present-workspace.ts';
import { recallProject, type ProjectSearch } from './project-search.ts';
import { openSharedGit } from '../shared-git.ts';

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

export interface InitPlan {
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

/** All that `bd init` will do, without doing it. */
export async function planInit(options: InitOptions, find: ProjectSearch): Promise<InitPlan> {
  const { prefix: wanted, isLocal, env, clock } = options;
  const place = await lookAround(options);
  const { beadsDir, present, mirror, repository, settings, config, mode } = place;
  const { found, silence } =
    repository && mode === 'branch'
      ? await answerOf((isLocal ? recallProject : find)(repository, { config, env, clock }))
      : {};
  const prefix =
    (wanted === undefined ? settings.prefix : undefined) ??
    found?.prefix ??
    wanted ??
    prefixFrom(basename(place.directory));
  const metadata = {
    ...present,
    jsonl_export: mirror ?? present.jsonl_export,
    project_id: found?.projectId ?? randomUUID(),
  };
  const footprint = {
    present: namesIn(beadsDir),
    written: ['config.yaml', 'metadata.json', metadata.jsonl_export],
    merged: repository !== undefined && (await isMergedByBd(repository, env)),
    exclude_bytes: repository === undefined ? null : excludeBytes(repository),
  };
  const remote = await planRemote(place, options);
  return {
    beadsDir,
    metadata,
    prefix,
    joined: found !== undefined,
    remote: remote?.name ?? null,
    footprint,
    changes: await planChanges(place, { options, prefix, remote }),
    silence,
  };
}

/** Where a workspace is to be made, and what is there already. */
interface Place {
  directory: string;
  beadsDir: string;
  repository: GitRepository | undefined;
  present: Metadata;
  /** The name of a mirror that is there. */
  mirror: string | undefined;
  /** Whether git tracks that. */
  isTracked: boolean;
  /** What `config.yaml` says by itself. */
  settings: { prefix?: string; mode?: SyncMode };
  config: Config;
  mode: SyncMode;
}

async function lookAround({ env, ...options }: InitOptions): Promise<Place> {
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
  return { directory, beadsDir, repository, present, mirror, isTracked, settings, config, mode };
}

/** In the order in which they are made and told. */
async function planChanges(
  place: Place,
  planned: { options: InitOptions; prefix: string; remote: Remote | undefined },
): Promise<Change[]> {
  const { beadsDir, repository, mirror, isTracked, settings, mode } = place;
  const { options, prefix, remote } = planned;
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
  return changes;
}

/** A silent remote is one that cannot be reached: what it holds shows when it answers. */
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
  { beadsDir, repository }: Place,
  { skipsMergeDriver, env }: InitOptions,
): Promise<Change[]> {
  if (repository === undefined || skipsMergeDriver === true) return [];
  return await planMerge({ beadsDir, repository, env });
}

interface Remote {
  name: string;
  branch: string;
}

/** Where changes will go; undefined when nowhere. */
async function planRemote(
  { repository, config, mode }: Place,
  { isLocal, env }: InitOptions,
): Promise<Remote | undefined> {
  if (repository === undefined || isLocal || mode !== 'branch') return undefined;
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
