import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BdError } from '../../core/errors.ts';
import { REMOTE_PATIENCE_MS } from '../../core/limits.ts';
import { timestampAt } from '../../core/timestamp.ts';
import { borrowRepository } from '../../git/borrowed-repository.ts';
import type { GitRepository } from '../../git/repository.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Environment } from '../../platform/environment.ts';
import { writeFileAtomically } from '../../platform/files.ts';
import { missingIn } from '../../sync/branch/purge-branch.ts';
import type { SyncBranch } from '../../sync/branch/sync-branch.ts';
import type { Config } from '../config/config.ts';
import type { Metadata } from '../config/metadata.ts';
import { openBranch } from '../engine.ts';
import type { PlannedChange } from './planned-change.ts';

/** A workspace that is to be removed. */
export interface Installation {
  place: WorkspacePlace;
  metadata: Metadata;
  config: Config;
  /** The mirror's content. */
  issues: Buffer;
  env: Environment;
  clock: Clock;
}

const NOTHING = Buffer.alloc(0);

/** How many issues, changed ones included, the mirror has and the remote's branch lacks. */
export async function countUnshared(
  installed: Installation,
  { branchIsDeleted }: { branchIsDeleted: boolean },
): Promise<number> {
  const { issues, place } = installed;
  const all = missingIn(NOTHING, issues).length;
  const { repository } = place;
  if (all === 0 || branchIsDeleted || repository === undefined) return all;
  return missingIn(await readShared(repository, installed), issues).length;
}

/**
 * What the remote's branch holds, as of the last fetch when it cannot be reached; empty when there is no
 * branch. Fetches into a borrowed repository, so that this one gets no ref.
 */
async function readShared(repository: GitRepository, installed: Installation): Promise<Buffer> {
  await using borrowed = await borrowRepository(repository.commonDir);
  const branch = branchIn({ ...repository, commonDir: borrowed.gitDir }, installed);
  try {
    const remote = installed.config.truth('sync.push') ? await branch.remote() : undefined;
    if (remote !== undefined) await branch.fetch(remote, { timeoutMs: REMOTE_PATIENCE_MS });
    // With sharing off, what the person's own clone or fetch brought is on the remote too.
    const { theirs } = await (remote === undefined ? branch.heldTips() : branch.tips());
    const snapshot = theirs === undefined ? undefined : await branch.snapshot(theirs);
    return snapshot === undefined ? NOTHING : await branch.readIssues(snapshot);
  } catch {
    // An unreadable branch, or another project's, shares none of these issues.
    return NOTHING;
  }
}

export function branchIn(repository: GitRepository, installed: Installation): SyncBranch {
  return openBranch(repository, { ...installed, projectId: installed.metadata.project_id });
}

/** A copy of the mirror in `~/.beads/removed`, outside of everything that is removed. */
export function planBackup(
  { place, issues, env, clock }: Installation,
  count: number,
): PlannedChange & { path: string } {
  const home = env['HOME'] ?? env['USERPROFILE'];
  if (home === undefined) {
    throw new BdError('NOT_SHARED', {
      message: `there is no home directory to save ${inWords(count)} in`,
      remedy: 'Set HOME, or share the issues with `bd sync` first.',
    });
  }
  const directory = join(home, '.beads', 'removed');
  const stamp = timestampAt(clock.nowMs()).slice(0, 19).replaceAll(':', '');
  const path = join(directory, `${basename(place.projectDir)}-${stamp}.jsonl`);
  return {
    path,
    says: `saved ${inWords(count)} in ${path}`,
    async make() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFileAtomically(path, issues, { mode: 0o600 });
    },
  };
}

export function refuseLoss(count: number): BdError {
  return new BdError('NOT_SHARED', {
    message: `${inWords(count)} would be lost: this workspace alone has ${count === 1 ? 'it' : 'them'}`,
    remedy:
      'Share them with `bd sync` or keep them with `bd export -o FILE`; --force leaves a copy in ~/.beads/removed.',
  });
}

function inWords(count: number): string {
  return count === 1 ? '1 changed issue' : `${count} changed issues`;
}
