import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { BdError } from '../../core/errors.ts';
import type { SyncMode } from '../../core/sharing.ts';
import { listCommitted } from '../../git/tree.ts';
import type { GitRepository } from '../../git/repository.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import type { Project } from '../../sync/branch/branch-snapshot.ts';
import {
  CLASSIC_MIRROR,
  DEFAULT_MIRROR,
  readMetadata,
  writeMetadata,
  type Metadata,
} from '../config/metadata.ts';
import type { Workspace } from '../workspace.ts';
import type { PlannedChange } from './planned-change.ts';
import { readFootprint } from './footprint.ts';
import { isIgnored, planExclude, planIgnore, planUnexclude, planUnignore } from './ignore-files.ts';
import { noteCommits } from './init-plan.ts';
import { ATTRIBUTES, planMerge, planUnmerge } from './merge-settings.ts';
import { lookForProject, recallProject } from './project-search.ts';

export type MigrationContext = Pick<Workspace, 'place' | 'config' | 'env' | 'clock'>;

export interface MigrationPlan {
  changes: PlannedChange[];
  /** What is left to the person: sentences, and commands to run in the project's directory. */
  left: string[];
}

/** Everything that a migration will change. Looks at the remote, and writes nothing. */
export async function planMigration(
  context: MigrationContext,
  { from, to }: { from: SyncMode; to: SyncMode },
): Promise<MigrationPlan> {
  const { place, config } = context;
  const { repository } = place;
  const mode = planMode(context, to);
  if (repository === undefined) return { changes: [mode], left: [] };
  if (to === 'branch') return await planToBranch(context, repository);
  const tracked = from === 'branch' ? await planToTracked(context, repository) : [];
  const commits =
    to === 'checked-out' ? [noteCommits({ isLocal: !config.truth('sync.push') })] : [];
  return {
    changes: [...tracked, mode, ...commits],
    left: ['Commit the settings in .beads when you like.'],
  };
}

function planMode({ config }: MigrationContext, mode: SyncMode): PlannedChange {
  return { says: `set sync.mode to ${mode}`, make: () => config.set('sync.mode', mode) };
}

async function planToBranch(
  context: MigrationContext,
  repository: GitRepository,
): Promise<MigrationPlan> {
  const { place, config } = context;
  const changes = await planProject(context, repository);
  const tracked = await listCommitted(repository, place.beadsDir, context);
  const { jsonl_export: mirror } = readMetadata(place);
  if (tracked.has(mirror)) {
    changes.push(...planOtherName(place, tracked), planMode(context, 'branch'));
    return { changes, left: untrackingCommands(context, mirror) };
  }
  const exclude = planExclude(repository, place);
  if (exclude !== undefined) changes.push(exclude);
  changes.push(...(await planUntracked(context, repository, tracked)));
  // As `bd init` leaves it, without the setting; but a config.yaml that is shared must name the mode.
  const says = 'set sync.mode to branch';
  const isShared = tracked.has('config.yaml');
  changes.push(
    isShared ? planMode(context, 'branch') : { says, make: () => config.unset('sync.mode') },
  );
  return { changes, left: [] };
}

/** The branch belongs to one project: this one gets its id, or must have it already. */
async function planProject(
  context: MigrationContext,
  repository: GitRepository,
): Promise<PlannedChange[]> {
  const { place, config } = context;
  const { project_id: id } = readMetadata(place);
  const search = config.truth('sync.push') ? lookForProject : recallProject;
  const found = await search(repository, context);
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

function untrackingCommands({ place, config }: MigrationContext, mirror: string): string[] {
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
  { place, env }: MigrationContext,
  repository: GitRepository,
  tracked: ReadonlyMap<string, string>,
): Promise<PlannedChange[]> {
  const changes: PlannedChange[] = [];
  const path = place.file('.gitattributes');
  const isOurs = existsSync(path) && readFileSync(path, 'utf8') === ATTRIBUTES;
  if (isOurs && !tracked.has('.gitattributes')) {
    changes.push({ says: 'removed .beads/.gitattributes', make: () => rm(path) });
  }
  const unmerge = await planUnmerge(repository, env);
  if (unmerge !== undefined) changes.push(unmerge);
  return changes;
}

async function planToTracked(
  context: MigrationContext,
  repository: GitRepository,
): Promise<PlannedChange[]> {
  const { place, env } = context;
  const { jsonl_export: mirror } = readMetadata(place);
  const changes: PlannedChange[] = [];
  const bytes = readFootprint(place)?.exclude_bytes;
  const unexclude = planUnexclude(repository, place, { bytes });
  if (unexclude !== undefined) changes.push(unexclude);
  if (isIgnored(place, mirror)) {
    const tracked = await listCommitted(repository, place.beadsDir, context);
    const former = [CLASSIC_MIRROR, DEFAULT_MIRROR].find((name) => tracked.has(name));
    if (former !== undefined) changes.push(planFormerName(place, { mirror, former }));
    changes.push(planUnignore(place, mirror));
  }
  changes.push(...(await planMerge({ place, repository, env })));
  return changes;
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
