import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { BdError } from '../../core/errors.ts';
import type { SyncMode } from '../../core/sharing.ts';
import type { GitRepository } from '../../git/repository.ts';
import { listCommitted } from '../../git/tree.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import type { MigrationReport } from '../../protocol/methods/workspace.ts';
import type { Project } from '../../sync/branch/branch-snapshot.ts';
import {
  CLASSIC_MIRROR,
  DEFAULT_MIRROR,
  readMetadata,
  writeMetadata,
  type Metadata,
} from '../config/metadata.ts';
import type { Workspace } from '../workspace.ts';
import { readFootprint } from './footprint.ts';
import { isIgnored, planExclude, planIgnore, planUnexclude, planUnignore } from './ignore-files.ts';
import { commitsNote, planMode } from './initialise.ts';
import { ATTRIBUTES, planMerge, planUnmerge } from './merge-settings.ts';
import { makeChanges, type PlannedChange } from './planned-change.ts';
import { lookForProject, recallProject } from './project-search.ts';

export type MigratingWorkspace = Pick<
  Workspace,
  'place' | 'config' | 'env' | 'clock' | 'store' | 'sync' | 'changeSharing'
>;

/**
 * Moves a workspace from one mode to another, at any time and without loss. Nothing is staged, and nothing
 * removed that git tracks: the report leaves that to the person. After a failure, the next call does what
 * is left.
 */
export async function migrate(
  workspace: MigratingWorkspace,
  { to, isDryRun = false }: { to: SyncMode; isDryRun?: boolean },
): Promise<MigrationReport> {
  const { store, sync } = workspace;
  const from = await currentMode(workspace);
  const report = { from, to, dry_run: isDryRun, warning: null };
  if (from === to) return { ...report, changes: [], left: [] };
  const { changes: planned, left } = await planMigration(workspace, { from, to });
  const last = planLastSync(workspace, from);
  if (isDryRun) {
    const { changes } = await makeChanges([...last, ...planned], { isDryRun });
    return { ...report, changes, left };
  }
  const shared = await makeChanges(last);
  const made = await workspace.changeSharing(async () => {
    const outcome = await makeChanges(planned);
    store.state.delete('sync_memory');
    return outcome;
  });
  const { error } = await sync.syncNow({ isAsked: true });
  return {
    ...report,
    changes: [...shared.changes, ...made.changes],
    left,
    warning: shared.warning ?? made.warning ?? error,
  };
}

async function currentMode({ config }: MigratingWorkspace): Promise<SyncMode> {
  const mode = config.text('sync.mode') as SyncMode;
  const entry = (await config.entries()).find(({ key }) => key === 'sync.mode');
  if (entry === undefined || !entry.source.startsWith('BD_')) return mode;
  throw new BdError('INVALID_VALUE', {
    message: `sync.mode is ${mode} by the variable ${entry.source}, which overrides the setting`,
    remedy: `Take ${entry.source} out of the environment, then run \`bd daemon stop\` and this again.`,
  });
}

/** Waiting changes are shared in the former mode, or at least committed in this repository. */
function planLastSync({ sync }: MigratingWorkspace, from: SyncMode): PlannedChange[] {
  const { pending } = sync.status();
  if (from === 'worktree' || pending === 0) return [];
  return [
    {
      says: `shared ${pending === 1 ? '1 change' : `${pending} changes`} that waited`,
      async make() {
        const report = await sync.syncNow({ isAsked: true });
        if (report.pending === 0 || report.error === null) return;
        throw new BdError('SYNC_FAILED', { message: report.error, remedy: 'Run `bd sync`.' });
      },
      excuse: (reason) => `waiting changes were not shared in the former mode: ${reason}`,
    },
  ];
}

interface MigrationPlan {
  changes: PlannedChange[];
  /** What is left to the person: sentences, and commands to run in the project's directory. */
  left: string[];
}

/** Everything that a migration will change. Looks at the remote, and writes nothing. */
async function planMigration(
  workspace: MigratingWorkspace,
  { from, to }: { from: SyncMode; to: SyncMode },
): Promise<MigrationPlan> {
  const { place, config } = workspace;
  const { repository } = place;
  const mode = planMode(config, to);
  if (repository === undefined) return { changes: [mode], left: [] };
  if (to === 'branch') return await planToBranch(workspace, repository);
  const tracked = from === 'branch' ? await planToTracked(workspace, repository) : [];
  const isLocal = !config.truth('sync.push');
  const commits = to === 'checked-out' ? [{ says: commitsNote({ isLocal }) }] : [];
  return {
    changes: [...tracked, mode, ...commits],
    left: ['Commit the settings in .beads when you like.'],
  };
}

async function planToBranch(
  workspace: MigratingWorkspace,
  repository: GitRepository,
): Promise<MigrationPlan> {
  const { place, config } = workspace;
  const toBranch = planMode(config, 'branch');
  const changes = await planProject(workspace, repository);
  const tracked = await listCommitted(repository, place.beadsDir, workspace);
  const { jsonl_export: mirror } = readMetadata(place);
  if (tracked.has(mirror)) {
    changes.push(...planOtherName(place, tracked), toBranch);
    return { changes, left: untrackingCommands(workspace, mirror) };
  }
  changes.push(...planExclude(repository, place));
  changes.push(...(await planUntracked(workspace, repository, tracked)));
  // As `bd init` leaves it, without the setting; but a config.yaml that is shared must name the mode.
  const isShared = tracked.has('config.yaml');
  changes.push(isShared ? toBranch : { ...toBranch, make: () => config.unset('sync.mode') });
  return { changes, left: [] };
}

/** The branch belongs to one project: this one gets its id, or must have it already. */
async function planProject(
  workspace: MigratingWorkspace,
  repository: GitRepository,
): Promise<PlannedChange[]> {
  const { place, config } = workspace;
  const { project_id: id } = readMetadata(place);
  const search = config.truth('sync.push') ? lookForProject : recallProject;
  const found = await search(repository, workspace);
  if (id !== '' && found !== undefined && found.projectId !== id) throw otherProject(found, id);
  if (id !== '') return [];
  const projectId = found?.projectId ?? randomUUID();
  const says =
    found === undefined ? 'gave the project an id' : 'joined the project that the remote has';
  return [{ says, make: () => changeMetadata(place, { project_id: projectId }) }];
}

/** The tracked file stays as it is until the person removes it, so the mirror takes another name. */
function planOtherName(
  place: WorkspacePlace,
  tracked: ReadonlyMap<string, string>,
): PlannedChange[] {
  const name = [DEFAULT_MIRROR, CLASSIC_MIRROR].find((each) => !tracked.has(each));
  if (name === undefined) throw noName();
  return [
    planIgnore(place, name),
    {
      says: `set jsonl_export to ${name} in .beads/metadata.json`,
      make: () => changeMetadata(place, { jsonl_export: name }),
    },
  ];
}

function untrackingCommands({ place, config }: MigratingWorkspace, mirror: string): string[] {
  const [file, directory] = [place.file(mirror), place.beadsDir].map((path) =>
    relative(place.projectDir, path).split(sep).join('/'),
  );
  return [
    `git rm --quiet --force ${file}`,
    `git commit --quiet -m 'Issues are on ${config.text('sync.branch')} now' -- ${directory}`,
  ];
}

/** Undoes what `bd init` set up for a mirror that people commit. */
async function planUntracked(
  { place, env }: MigratingWorkspace,
  repository: GitRepository,
  tracked: ReadonlyMap<string, string>,
): Promise<PlannedChange[]> {
  const changes: PlannedChange[] = [];
  const path = place.file('.gitattributes');
  const isOurs = existsSync(path) && readFileSync(path, 'utf8') === ATTRIBUTES;
  if (isOurs && !tracked.has('.gitattributes')) {
    changes.push({ says: 'removed .beads/.gitattributes', make: () => rm(path) });
  }
  return [...changes, ...(await planUnmerge(repository, env))];
}

async function planToTracked(
  workspace: MigratingWorkspace,
  repository: GitRepository,
): Promise<PlannedChange[]> {
  const { place, env } = workspace;
  const { jsonl_export: mirror } = readMetadata(place);
  const bytes = readFootprint(place)?.exclude_bytes;
  const changes = planUnexclude(repository, place, { bytes });
  if (isIgnored(place, mirror)) {
    const tracked = await listCommitted(repository, place.beadsDir, workspace);
    const former = [CLASSIC_MIRROR, DEFAULT_MIRROR].find((name) => tracked.has(name));
    if (former !== undefined) changes.push(planFormerName(place, { mirror, former }));
    changes.push(planUnignore(place, mirror));
  }
  return [...changes, ...(await planMerge(repository, place, env))];
}

/** Git still tracks the file that was the mirror before, so it becomes the mirror again. */
function planFormerName(
  place: WorkspacePlace,
  { mirror, former }: { mirror: string; former: string },
): PlannedChange {
  return {
    says: `set jsonl_export to ${former} in .beads/metadata.json, which git tracks`,
    async make() {
      await changeMetadata(place, { jsonl_export: former });
      await rm(place.file(mirror), { force: true });
    },
  };
}

async function changeMetadata(place: WorkspacePlace, change: Partial<Metadata>): Promise<void> {
  await writeMetadata(place, { ...readMetadata(place), ...change });
}

function otherProject(found: Project, ours: string): BdError {
  return new BdError('SYNC_FAILED', {
    message: `the branch that issues would go to belongs to project ${found.projectId} (${found.prefix}), this is ${ours}`,
    remedy:
      'Name another branch first (`bd config set sync.branch NAME`), or set "project_id" in .beads/metadata.json to that project to join it.',
  });
}

function noName(): BdError {
  return new BdError('INVALID_VALUE', {
    message: `git tracks both ${DEFAULT_MIRROR} and ${CLASSIC_MIRROR} in .beads`,
    remedy: 'Take the one that bd does not write out of your commits: `git rm .beads/NAME`.',
  });
}
