import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { existsSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BdError } from '../../core/errors.ts';
import { prefixFrom } from '../../core/issue-id.ts';
import { omitUndefined } from '../../core/omit-undefined.ts';
import { SYNC_MODES, type SyncMode } from '../../core/sharing.ts';
import { listCommitted } from '../../git/tree.ts';
import { checkedRemote, findRemote } from '../../git/remote.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Environment } from '../../platform/environment.ts';
import { writeFileAtomically } from '../../platform/files.ts';
import type { Log } from '../../platform/log.ts';
import { WorkspacePlace } from '../../place/workspace-place.ts';
import type { Project } from '../../sync/branch/branch-snapshot.ts';
import { openConfig, type Config } from '../config/config.ts';
import { CLASSIC_MIRROR, readMetadata, type Metadata } from '../config/metadata.ts';
import { openSharedGit } from '../../git/git.ts';
import { BEADS_FILES } from './beads-files.ts';
import type { PlannedChange } from './planned-change.ts';
import { namesIn, type FootprintBefore } from './footprint.ts';
import { excludeBytes, planExclude } from './ignore-files.ts';
import { isMergedByBd, planMerge } from './merge-settings.ts';
import { refuseToInitialise } from './present-workspace.ts';
import { recallProject, type ProjectSearch } from './project-search.ts';

export interface InitOptions {
  /** Where `.beads` is made. */
  directory: string;
  prefix?: string;
  /** Never send anything to a remote. */
  isLocal: boolean;
  /** By default `worktree` where git tracks the mirror already, else `branch`. */
  mode?: SyncMode;
  /** Leave git's way of merging alone. */
  skipsMergeDriver?: boolean;
  env: Environment;
  clock: Clock;
  log: Log;
}

export interface InitPlan {
  place: WorkspacePlace;
  metadata: Metadata;
  prefix: string;
  /** Whether the remote holds the project already. */
  joined: boolean;
  /** Where changes will be sent; null when nowhere. */
  remote: string | null;
  /** What is there already. */
  footprint: FootprintBefore;
  changes: PlannedChange[];
  /** That the remote did not answer; undefined when it did, or was not asked. */
  silence: string | undefined;
}

/** Everything that `bd init` will do. Writes nothing itself, except what `find` fetches. */
export async function planInit(options: InitOptions, find: ProjectSearch): Promise<InitPlan> {
  const { prefix: wanted, isLocal, env, clock } = options;
  const site = await lookAround(options);
  const { place, present, mirror, settings, config, mode } = site;
  const { repository } = place;
  const { found, silence } =
    repository && mode === 'branch'
      ? await answerOf((isLocal ? recallProject : find)(repository, { config, env, clock }))
      : {};
  const prefix =
    (wanted === undefined ? settings.prefix : undefined) ??
    found?.prefix ??
    wanted ??
    prefixFrom(basename(place.projectDir));
  const metadata = {
    ...present,
    jsonl_export: mirror ?? present.jsonl_export,
    project_id: found?.projectId ?? randomUUID(),
  };
  const footprint = {
    present: namesIn(place),
    written: ['config.yaml', 'metadata.json', metadata.jsonl_export],
    merged: repository !== undefined && (await isMergedByBd(repository, env)),
    exclude_bytes: repository === undefined ? null : excludeBytes(repository),
  };
  const remote = await findTarget(site, options);
  return {
    place,
    metadata,
    prefix,
    joined: found !== undefined,
    remote: remote?.name ?? null,
    footprint,
    changes: await planChanges(site, { options, prefix, remote }),
    silence,
  };
}

/** Where a workspace is to be made, and what is there already. */
interface Site {
  place: WorkspacePlace;
  present: Metadata;
  /** The name of a mirror that is there. */
  mirror: string | undefined;
  /** Whether git tracks that mirror. */
  isTracked: boolean;
  settings: FileSettings;
  config: Config;
  mode: SyncMode;
}

async function lookAround({ directory, env, ...options }: InitOptions): Promise<Site> {
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
  const settings = await readFileSettings(place);
  const config = await openConfig(place, { env });
  const mode = options.mode ?? settings.mode ?? (isTracked ? 'worktree' : 'branch');
  if (isTracked && mode === 'branch') throw cannotBeOnBranch(place.file(mirror));
  return { place, present, mirror, isTracked, settings, config, mode };
}

interface FileSettings {
  prefix?: string;
  mode?: SyncMode;
}

/** The settings of a `config.yaml` that is there. It may be shared, so `bd init` goes by them. */
async function readFileSettings(place: WorkspacePlace): Promise<FileSettings> {
  const config = await openConfig(place, { env: {} });
  const entries = (await config.entries()).filter(({ source }) => source !== 'default');
  const valueOf = (key: string): string | undefined =>
    entries.find((entry) => entry.key === key)?.value;
  const mode = SYNC_MODES.find((known) => known === valueOf('sync.mode'));
  return omitUndefined({ prefix: valueOf('issue_prefix'), mode });
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

interface Target {
  /** The remote's name. */
  name: string;
  branch: string;
}

/** Where changes will be sent; undefined when nowhere. */
async function findTarget(
  { place: { repository }, config, mode }: Site,
  { isLocal, env }: InitOptions,
): Promise<Target | undefined> {
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
  planned: { options: InitOptions; prefix: string; remote: Target | undefined },
): Promise<PlannedChange[]> {
  const { place, mirror, isTracked, settings, mode } = site;
  const { options, prefix, remote } = planned;
  const changes = [planFiles(place, { prefix, isLocal: options.isLocal })];
  if (mode !== (settings.mode ?? 'branch')) changes.push(planMode(place, mode));
  changes.push(...(await planGitSettings(site, options)));
  if (options.prefix !== undefined && options.prefix !== prefix) {
    changes.push({ says: `kept the prefix ${prefix}: the project has it already` });
  }
  if (mode === 'worktree') changes.push(noteTracking(isTracked ? mirror : undefined));
  if (mode === 'checked-out') {
    const says = 'left the settings in .beads to you: commit them when you like';
    changes.push(noteCommits(options), { says });
  }
  if (remote !== undefined) {
    const { branch, name } = remote;
    changes.push({ says: `will push changes to ${branch} on ${name} (--local keeps them here)` });
  }
  return changes;
}

function planFiles(
  place: WorkspacePlace,
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
      const config = await openConfig(place, { env: {} });
      await config.set('issue_prefix', prefix);
      if (isLocal) await config.set('sync.push', 'false');
    },
  };
}

function planMode(place: WorkspacePlace, mode: SyncMode): PlannedChange {
  return {
    says: `set sync.mode to ${mode}`,
    async make() {
      const config = await openConfig(place, { env: {} });
      await config.set('sync.mode', mode);
    },
  };
}

/** On the branch git ignores `.beads`; otherwise it tracks the mirror, and merges it with bd. */
async function planGitSettings(
  { place, mode }: Site,
  { skipsMergeDriver = false, env }: InitOptions,
): Promise<PlannedChange[]> {
  const { repository } = place;
  if (repository === undefined) return [];
  if (mode !== 'branch') return skipsMergeDriver ? [] : planMerge({ place, repository, env });
  const exclude = planExclude(repository, place);
  return exclude === undefined ? [] : [exclude];
}

function noteTracking(trackedMirror: string | undefined): PlannedChange {
  return {
    says:
      trackedMirror === undefined
        ? 'left .beads to you: commit it when you like'
        : `left ${trackedMirror} to you: git tracks it, commit it when you like`,
  };
}

/** What the mode `checked-out` does without being asked. */
export function noteCommits({ isLocal }: { isLocal: boolean }): PlannedChange {
  const push = isLocal ? '' : ', and push it when nothing but such commits would go along';
  return { says: `will commit issues on the branch that is checked out${push}` };
}

function cannotBeOnBranch(mirror: string): BdError {
  return new BdError('INVALID_VALUE', {
    message: `git tracks ${mirror}: with --mode branch every change of an issue would be one of yours`,
    remedy: `Leave --mode out, or take the file out of your commits first: git rm --cached ${mirror}`,
  });
}
