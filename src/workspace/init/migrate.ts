import { BdError } from '../../core/errors.ts';
import type { SyncMode } from '../../core/sharing.ts';
import type { MigrationReport } from '../../protocol/methods/workspace.ts';
import type { Workspace } from '../workspace.ts';
import { describeChanges, makeChanges, type PlannedChange } from './planned-change.ts';
import { planMigration, type MigrationContext } from './migration-plan.ts';

export type MigratingWorkspace = MigrationContext &
  Pick<Workspace, 'store' | 'sync' | 'changeSharing'>;

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
  if (isDryRun) return { ...report, changes: describeChanges([...last, ...planned]), left };
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
