import { makeChanges } from './change.ts';
import { completeFootprint, recordFootprint } from './footprint.ts';
import { planInit, type InitOptions, type InitPlan } from './init-plan.ts';
import { writeMetadata } from '../config/metadata.ts';
import { findProject, lookForProject } from './project-search.ts';
import { openWorkspace } from '../workspace.ts';

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

/** What `initialise` would report, had it been run. */
export interface InitPreview extends Pick<
  InitReport,
  'beads_dir' | 'prefix' | 'joined' | 'remote' | 'changes'
> {
  dry_run: true;
}

/**
 * Makes a workspace in `directory`, or joins the project that the repository's remote holds. The
 * caller owns `.beads/daemon.lock`, for which the directory must be there.
 */
export async function initialise(options: InitOptions): Promise<InitReport> {
  const plan = await planInit(options, findProject);
  const { beadsDir, metadata, joined, footprint, changes: planned } = plan;
  await recordFootprint(beadsDir, footprint);
  const { changes, warning } = await makeChanges(planned);
  // With this file the directory is a workspace.
  await writeMetadata(beadsDir, metadata);
  const shared = await (plan.silence === undefined
    ? shareFirst(options, beadsDir)
    : shareLater(options, plan));
  await completeFootprint(beadsDir);
  return {
    beads_dir: beadsDir,
    joined,
    changes,
    ...shared,
    remote: options.isLocal ? null : shared.remote,
    warning: shared.warning ?? warning,
  };
}

async function shareFirst({ env, clock, log }: InitOptions, beadsDir: string) {
  await using workspace = await openWorkspace({ beadsDir, env, clock, log });
  const { remote, error } = await workspace.sync.syncNow();
  const issueCount = workspace.store.queries.count({});
  return { prefix: workspace.prefix(), issue_count: issueCount, remote, warning: error };
}

/** Who has waited for a silent remote does not wait again: a daemon will. */
async function shareLater({ env, clock, log }: InitOptions, { beadsDir, ...plan }: InitPlan) {
  await using workspace = await openWorkspace({ beadsDir, env, clock, log });
  await workspace.sync.flushMirror();
  const issueCount = workspace.store.queries.count({});
  const warning = `${plan.silence}; bd goes on trying`;
  return { prefix: workspace.prefix(), issue_count: issueCount, remote: plan.remote, warning };
}

/** The same without doing it: nothing is written, neither files nor refs nor a lock; the remote may be asked. */
export async function previewInit(options: InitOptions): Promise<InitPreview> {
  const { beadsDir, changes, prefix, joined, remote } = await planInit(options, lookForProject);
  const says = changes.map((change) => change.says);
  return { dry_run: true, beads_dir: beadsDir, prefix, joined, remote, changes: says };
}
