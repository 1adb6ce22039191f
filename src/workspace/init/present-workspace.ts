import { realpathSync } from 'node:fs';
import { BdError } from '../../core/errors.ts';
import type { Environment } from '../../platform/environment.ts';
import { findGitRepository, type GitRepository } from '../../git/repository.ts';
import { findWorkspace } from '../../place/find-workspace.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import { openConfig } from '../config/config.ts';
import { configureMerge, planMerge } from './merge-settings.ts';
import { readMetadata } from '../config/metadata.ts';

interface Place {
  env: Environment;
}

export interface CompletedClone {
  beads_dir: string;
  prefix: string;
  /** Everything that was made or left as it is, one sentence each. */
  changes: string[];
  warning: string | null;
}

export interface CompletionPreview extends Omit<CompletedClone, 'warning'> {
  dry_run: true;
}

/**
 * Throws `ALREADY_EXISTS` where there is nothing to make: in a workspace, and in a repository that has
 * one, as its directories and worktrees share it. Touches nothing.
 */
export function refuseToInitialise(directory: string, place: Place): void {
  const present = findPresent(directory, place);
  if (present === undefined) return;
  const isHere = present.projectDir === realpathSync.native(directory);
  throw new BdError('ALREADY_EXISTS', {
    message: `${isHere ? 'this directory' : 'this repository'} has a workspace already: ${present.beadsDir}`,
    remedy: 'Nothing is left to do; `bd where` and `bd status` tell about it.',
  });
}

/**
 * A workspace that came with the clone, as its people commit it, lacks what git keeps from one clone to
 * the next: how to merge it. Undefined where nothing is missing, or no such workspace is there. Opens
 * no store, so it needs no lock.
 */
export async function completeClone(asked: Asked): Promise<CompletedClone | undefined> {
  const present = await findCommitted(asked);
  if (present === undefined) return undefined;
  const { made, left, warning } = await configureMerge({ ...present, env: asked.env });
  if (made.length === 0 && warning === null) return undefined;
  return { ...describe(present, [...made, ...left], asked), warning };
}

/** The same without doing it. */
export async function previewCompletion(asked: Asked): Promise<CompletionPreview | undefined> {
  const present = await findCommitted(asked);
  if (present === undefined) return undefined;
  const changes = await planMerge({ ...present, env: asked.env });
  if (!changes.some(({ make }) => make !== undefined)) return undefined;
  const says = changes.map((change) => change.says);
  return { dry_run: true, ...describe(present, says, asked) };
}

interface Asked extends Place {
  directory: string;
  prefix?: string;
}

interface Committed {
  beadsDir: string;
  repository: GitRepository;
  prefix: string;
}

/** The workspace that is there, when its people commit it. */
async function findCommitted({ directory, env }: Asked): Promise<Committed | undefined> {
  const present = findPresent(directory, { env });
  const repository = present === undefined ? undefined : findGitRepository(present.projectDir);
  if (present === undefined || repository === undefined) return undefined;
  const { beadsDir } = present;
  const config = await openConfig(beadsDir, { env: {} });
  if (config.text('sync.mode') === 'branch') return undefined;
  return { beadsDir, repository, prefix: config.text('issue_prefix') };
}

function describe({ beadsDir, prefix }: Committed, changes: string[], { prefix: wanted }: Asked) {
  const isOther = wanted !== undefined && wanted !== prefix;
  const kept = isOther ? [`kept the prefix ${prefix}: the project has it already`] : [];
  return { beads_dir: beadsDir, prefix, changes: [...changes, ...kept] };
}

/** The workspace that makes another one here needless. */
function findPresent(directory: string, { env }: Place): WorkspacePlace | undefined {
  const present = findWorkspace({ cwd: directory, env: { HOME: env['HOME'] } });
  if (present === undefined) return undefined;
  const isHere = present.projectDir === realpathSync.native(directory);
  // A workspace of the classic tool has no project id yet.
  if (isHere) return readMetadata(present.beadsDir).project_id === '' ? undefined : present;
  const commonDir = findGitRepository(directory)?.commonDir;
  if (commonDir === undefined) return undefined;
  return findGitRepository(present.projectDir)?.commonDir === commonDir ? present : undefined;
}
