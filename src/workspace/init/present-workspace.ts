import { realpathSync } from 'node:fs';
import { BdError } from '../../core/errors.ts';
import { findGitRepository } from '../../git/repository.ts';
import { findWorkspace } from '../../place/find-workspace.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import type { Environment } from '../../platform/environment.ts';
import { openConfig } from '../config/config.ts';
import { readMetadata } from '../config/metadata.ts';
import { planMerge } from './merge-settings.ts';
import { makeChanges } from './planned-change.ts';

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
export async function completeClone({
  directory,
  prefix: wanted,
  isDryRun = false,
  env,
}: {
  directory: string;
  /** The prefix that was asked for. */
  prefix?: string | undefined;
  isDryRun?: boolean;
  env: Environment;
}): Promise<CompletedClone | undefined> {
  const place = findPresent(directory, { env });
  if (place?.repository === undefined) return undefined;
  const config = await openConfig(place, {});
  if (config.text('sync.mode') === 'branch') return undefined;
  const planned = await planMerge(place.repository, place, env);
  if (planned.every(({ make }) => make === undefined)) return undefined;
  const prefix = config.text('issue_prefix');
  if (wanted !== undefined && wanted !== prefix) {
    planned.push({ says: `kept the prefix ${prefix}: the project has it already` });
  }
  const { changes, warning } = await makeChanges(planned, { isDryRun });
  const report = { beads_dir: place.beadsDir, prefix, changes };
  return isDryRun ? { dry_run: true, ...report } : { ...report, warning };
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
