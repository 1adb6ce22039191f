import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { BdError } from '../../core/errors.ts';
import type { SyncMode } from '../../core/sharing.ts';
import type { GitRepository } from '../../git/repository.ts';
import type { Project } from '../../sync/branch/branch-format.ts';
import type { Change } from './change.ts';
import { listCommitted } from './committed-files.ts';
import { planExclude, planUnexclude } from './exclude-line.ts';
import { readFootprint } from './footprint.ts';
import { addLine, hasLine, removeLine } from './ignore-line.ts';
import { announceCommits } from './init-plan.ts';
import { ATTRIBUTES, planMerge, planUnmerge } from './merge-settings.ts';
import {
  CLASSIC_MIRROR,
  DEFAULT_MIRROR,
  readMetadata,
  writeMetadata,
  type Metadata,
} from '../config/metadata.ts';
import { lookForProject, recallProject } from './project-search.ts';
import type { Workspace } from '../workspace.ts';

export interface MigrationPlan {
  changes: Change[];
  /** What is the person's to do: sentences, and commands to run in the project's directory. */
  left: string[];
}

/** All that a move will change; looks at the remote, and writes nothing. */
export async function planMigration(
  workspace: Workspace,
  { from, to }: { from: SyncMode; to: SyncMode },
): Promise<MigrationPlan> {
  const { repository, config } = workspace;
  const mode = planMode(workspace, to);
  if (repository === undefined) return { changes: [mode], left: [] };
  if (to === 'branch') return await planToBranch(workspace, repository);
  const tracked = from === 'branch' ? await planToTracked(workspace, repository) : [];
  const announced =
    to === 'checked-out' ? announceCommits({ isLocal: !config.truth('sync.push') }) : [];
  return {
    changes: [...tracked, mode, ...announced],
    left: ['Commit the settings in .beads when you like.'],
  };
}

function planMode({ config }: Workspace, mode: SyncMode): Change {
  return { says: `set sync.mode to ${mode}`, make: () => config.set('sync.mode', mode) };
}

async function planToBranch(
  workspace: Workspace,
  repository: GitRepository,
): Promise<MigrationPlan> {
  const { beadsDir, projectDir, config } = workspace;
  const { project_id: id, jsonl_export: mirror } = readMetadata(beadsDir);
  const search = config.truth('sync.push') ? lookForProject : recallProject;
  const found = await search(repository, workspace);
  if (id !== '' && found !== undefined && found.projectId !== id) throw otherProject(found, id);
  const changes: Change[] = [];
  if (id === '') {
    const projectId = found?.projectId ?? randomUUID();
    changes.push({
      says:
        found === undefined ? 'gave the project an id' : 'joined the project that the remote has',
      make: () => changeMetadata(beadsDir, { project_id: projectId }),
    });
  }
  const tracked = await listCommitted(repository, beadsDir, workspace);
  if (!tracked.has(mirror)) {
    const exclude = planExclude(repository, beadsDir);
    if (exclude !== undefined) changes.push(exclude);
    changes.push(...(await planUntracked(workspace, repository, tracked)));
    // As `bd init` leaves it; but what all share is to say it.
    const says = 'set sync.mode to branch';
    const isShared = tracked.has('config.yaml');
    changes.push(
      isShared ? planMode(workspace, 'branch') : { says, make: () => config.unset('sync.mode') },
    );
    return { changes, left: [] };
  }
  changes.push(...planOtherName(beadsDir, tracked), planMode(workspace, 'branch'));
  const [file, directory] = [join(beadsDir, mirror), beadsDir].map((path) =>
    relative(projectDir, path).split(sep).join('/'),
  );
  return {
    changes,
    left: [
      `git rm --quiet --force ${file}`,
      `git commit --quiet -m 'Issues are on ${config.text('sync.branch')} now' -- ${directory}`,
    ],
  };
}

/** The file that git tracks stays as it is, for the person to remove: the mirror goes by another name. */
function planOtherName(beadsDir: string, tracked: ReadonlyMap<string, string>): Change[] {
  const name = [DEFAULT_MIRROR, CLASSIC_MIRROR].find((each) => !tracked.has(each));
  if (name === undefined) throw noName();
  return [
    {
      says: `added /${name} to .beads/.gitignore`,
      async make() {
        const path = join(beadsDir, '.gitignore');
        if (!hasLine(path, `/${name}`)) await addLine(path, `/${name}`);
      },
    },
    {
      says: `set jsonl_export to ${name} in .beads/metadata.json`,
      make: () => changeMetadata(beadsDir, { jsonl_export: name }),
    },
  ];
}

/** What `bd init` set up for files that people commit. */
async function planUntracked(
  { beadsDir, env }: Workspace,
  repository: GitRepository,
  tracked: ReadonlyMap<string, string>,
): Promise<Change[]> {
  const changes: Change[] = [];
  const path = join(beadsDir, '.gitattributes');
  const isOurs = existsSync(path) && readFileSync(path, 'utf8') === ATTRIBUTES;
  if (isOurs && !tracked.has('.gitattributes')) {
    changes.push({ says: 'removed .beads/.gitattributes', make: () => rm(path) });
  }
  const unmerge = await planUnmerge(repository, env);
  if (unmerge !== undefined) changes.push(unmerge);
  return changes;
}

async function planToTracked(workspace: Workspace, repository: GitRepository): Promise<Change[]> {
  const { beadsDir, env } = workspace;
  const { jsonl_export: mirror } = readMetadata(beadsDir);
  const changes: Change[] = [];
  const bytes = readFootprint(beadsDir)?.exclude_bytes;
  const unexclude = planUnexclude(repository, beadsDir, { bytes });
  if (unexclude !== undefined) changes.push(unexclude);
  const ignore = join(beadsDir, '.gitignore');
  if (hasLine(ignore, `/${mirror}`)) {
    const tracked = await listCommitted(repository, beadsDir, workspace);
    const former = [CLASSIC_MIRROR, DEFAULT_MIRROR].find((name) => tracked.has(name));
    if (former !== undefined) changes.push(planFormerName(beadsDir, { mirror, former }));
    changes.push({
      says: `took /${mirror} out of .beads/.gitignore`,
      make: () => removeLine(ignore, `/${mirror}`),
    });
  }
  changes.push(...(await planMerge({ beadsDir, repository, env })));
  return changes;
}

/** Git tracks the file that the mirror was before: it is that again. */
function planFormerName(
  beadsDir: string,
  { mirror, former }: { mirror: string; former: string },
): Change {
  return {
    says: `set jsonl_export to ${former} in .beads/metadata.json, which git tracks`,
    async make() {
      await changeMetadata(beadsDir, { jsonl_export: former });
      await rm(join(beadsDir, mirror), { force: true });
    },
  };
}

async function changeMetadata(beadsDir: string, change: Partial<Metadata>): Promise<void> {
  await writeMetadata(beadsDir, { ...readMetadata(beadsDir), ...change });
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
    remedy: 'Take the one out of your commits that bd does not write: `git rm .beads/NAME`.',
  });
}
