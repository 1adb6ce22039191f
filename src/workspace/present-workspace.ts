import { realpathSync } from 'node:fs';
import { BdError } from '../core/errors.ts';
import type { Environment } from '../platform/environment.ts';
import { findGitRepository } from '../platform/git-repository.ts';
import { findWorkspace, type WorkspaceLocation } from '../platform/workspace-location.ts';
import { openConfig } from './config.ts';
import { configureMerge } from './merge-settings.ts';
import { readMetadata } from './metadata.ts';

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
export async function completeClone({
  directory,
  prefix: wanted,
  ...place
}: Place & { directory: string; prefix?: string }): Promise<CompletedClone | undefined> {
  const present = findPresent(directory, place);
  const repository = present === undefined ? undefined : findGitRepository(present.projectDir);
  if (present === undefined || repository === undefined) return undefined;
  const { beadsDir } = present;
  const config = await openConfig(beadsDir, { env: {} });
  if (config.text('sync.mode') !== 'worktree') return undefined;
  const { made, left, warning } = await configureMerge({ beadsDir, repository, ...place });
  if (made.length === 0 && warning === null) return undefined;
  const prefix = config.text('issue_prefix');
  const changes = [...made, ...left];
  if (wanted !== undefined && wanted !== prefix) {
    changes.push(`kept the prefix ${prefix}: the project has it already`);
  }
  return { beads_dir: beadsDir, prefix, changes, warning };
}

/** The workspace that makes another one here needless. */
function findPresent(directory: string, { env }: Place): WorkspaceLocation | undefined {
  const present = findWorkspace({ cwd: directory, env: { HOME: env['HOME'] } });
  if (present === undefined) return undefined;
  const isHere = present.projectDir === realpathSync.native(directory);
  // A workspace of the classic tool has no project id yet.
  if (isHere) return readMetadata(present.beadsDir).project_id === '' ? undefined : present;
  const commonDir = findGitRepository(directory)?.commonDir;
  if (commonDir === undefined) return undefined;
  return findGitRepository(present.projectDir)?.commonDir === commonDir ? present : undefined;
}
