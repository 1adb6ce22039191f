import { writeMetadata } from '../config/metadata.ts';
import { openWorkspace } from '../workspace.ts';
import { completeFootprint, recordFootprint } from './footprint.ts';
import { planInit, type InitOptions, type InitPlan } from './init-plan.ts';
import { makeChanges } from './planned-change.ts';
import { findProject, lookForProject } from './project-search.ts';

export interface InitReport {
  beads_dir: string;
  prefix: string;
  /** The issues come from a project that this repository's remote holds already. */
  joined: boolean;
  issue_count: number;
  /** Where changes are sent; null when nowhere. */
  remote: string | null;
  /** Everything that was made or changed, one sentence each. */
  changes: string[];
  /** Why the remote's issues are not here yet; null when nothing is wrong. */
  warning: string | null;
}

/** What a dry run tells: `changes` are those that would be made. */
export interface InitPreview extends Omit<InitReport, 'issue_count' | 'warning'> {
  dry_run: true;
}

/**
 * Makes a workspace in `directory`, or joins the project that the repository's remote holds. The
 * caller holds `.beads/daemon.lock`, so the directory exists. A dry run asks the remote, needs no lock, and
 * writes nothing: no files, no refs.
 */
export function initialise(options: InitOptions & { isDryRun?: false }): Promise<InitReport>;
export function initialise(options: InitOptions & { isDryRun: true }): Promise<InitPreview>;
export async function initialise({
  isDryRun = false,
  ...options
}: InitOptions & { isDryRun?: boolean }): Promise<InitReport | InitPreview> {
  if (!isDryRun) return await carryOut(await planInit(options, findProject), options);
  const { place, prefix, joined, remote, ...plan } = await planInit(options, lookForProject);
  const { changes } = await makeChanges(plan.changes, { isDryRun });
  return { dry_run: true, beads_dir: place.beadsDir, prefix, joined, remote, changes };
}

async function carryOut(plan: InitPlan, options: InitOptions): Promise<InitReport> {
  const { place, metadata, joined, footprint } = plan;
  await recordFootprint(place, footprint);
  const { changes, warning } = await makeChanges(plan.changes);
  // With this file the directory is a workspace.
  await writeMetadata(place, metadata);
  const shared = await firstSync(plan, options);
  await completeFootprint(place);
  return {
    beads_dir: place.beadsDir,
    joined,
    changes,
    ...shared,
    remote: options.isLocal ? null : shared.remote,
    warning: shared.warning ?? warning,
  };
}

/** After a remote was silent once, the daemon tries again, not this command. */
async function firstSync({ place, silence, remote }: InitPlan, options: InitOptions) {
  await using workspace = await openWorkspace({ ...options, place });
  const { sync, config, store } = workspace;
  if (silence !== undefined) await sync.flushMirror();
  const synced =
    silence === undefined ? await sync.syncNow() : { remote, error: `${silence}; bd keeps trying` };
  const issueCount = store.queries.count({});
  const prefix = config.text('issue_prefix');
  return { prefix, issue_count: issueCount, remote: synced.remote, warning: synced.error };
}
