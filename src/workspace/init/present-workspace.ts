import { realpathSync } from 'node:fs';
import { BdError } from '../../core/errors.ts';
import { findGitRepository, type GitRepository } from '../../git/repository.ts';
import { findWorkspace } from '../../place/find-workspace.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import type { Environment } from '../../platform/environment.ts';
import { openConfig } from '../config/config.ts';
import { readMetadata } from '../config/metadata.ts';
import { describeChanges, makeChanges } from './planned-change.ts';
import { planMerge } from './merge-settings.ts';

interface CompletionOptions {
  directory: string;
  /** The prefix that was asked for. */
  prefix?: string;
  isDryRun?: boolean;
  env: Environment;
}

export interface CompletedClone {
  /** Only with a dry run, where `changes` tells what would be done. */
  dry_run?: true;
  beads_dir: string;
  prefix: string;
  /** Everything that was made or left as it is, one sentence each. */
  changes: string[];
  /** Null when all was done; absent with a dry run. */
  warning?: string | null;
}

/**
 * Throws `ALREADY_EXISTS` where there is nothing to make: in a workspace, and in a repository that has
 * one, as its directories and worktrees share it. Touches nothing.
 */
export function refuseToInitialise(directory: string, { env }: { env: Environment }): void {
  const present = findPresent(directory, { env });
  if (present === undefined) return;
  const isHere = present.projectDir === realpathSync.native(directory);
  throw new BdError('ALREADY_EXISTS', {
    message: `${isHere ? 'this directory' : 'this repository'} has a workspace already: ${present.beadsDir}`,
    remedy: 'There is nothing to do; `bd where` and `bd status` describe it.',
  });
}

/**
 * A workspace that people commit comes with the clone, without what git keeps per clone: how to merge it.
 * Undefined when nothing is missing, or there is no such workspace. Opens no store, so it needs no lock.
 */
export async function completeClone(
  options: CompletionOptions,
): Promise<CompletedClone | undefined> {
  const { env, isDryRun = false } = options;
  const committed = await findCommitted(options);
  if (committed === undefined) return undefined;
  const planned = await planMerge({ ...committed, env });
  if (planned.every(({ make }) => make === undefined)) return undefined;
  const { prefix, place } = committed;
  const isOther = options.prefix !== undefined && options.prefix !== prefix;
  const kept = isOther ? [`kept the prefix ${prefix}: the project has it already`] : [];
  const report = { beads_dir: place.beadsDir, prefix };
  if (isDryRun) {
    return { dry_run: true, ...report, changes: [...describeChanges(planned), ...kept] };
  }
  const { changes, warning } = await makeChanges(planned);
  return { ...report, changes: [...changes, ...kept], warning };
}

interface CommittedWorkspace {
  place: WorkspacePlace;
  repository: GitRepository;
  prefix: string;
}

/** The workspace that is there, when its people commit it. */
async function findCommitted({
  directory,
  env,
}: CompletionOptions): Promise<CommittedWorkspace | undefined> {
  const place = findPresent(directory, { env });
  if (place?.repository === undefined) return undefined;
  const config = await openConfig(place, { env: {} });
  if (config.text('sync.mode') === 'branch') return undefined;
  return { place, repository: place.repository, prefix: config.text('issue_prefix') };
}

/** The workspace because of which none is made here. */
function findPresent(directory: string, { env }: { env: Environment }): WorkspacePlace | undefined {
  const place = findWorkspace({ cwd: directory, env: { HOME: env['HOME'] } });
  if (place === undefined) return undefined;
  const isHere = place.projectDir === realpathSync.native(directory);
  // A workspace of the classic tool has no project id yet.
  if (isHere) return readMetadata(place).project_id === '' ? undefined : place;
  const commonDir = findGitRepository(directory)?.commonDir;
  if (commonDir === undefined) return undefined;
  return place.repository?.commonDir === commonDir ? place : undefined;
}
