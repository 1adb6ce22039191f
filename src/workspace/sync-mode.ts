import { relative, sep } from 'node:path';
import type { SyncMode } from '../core/sharing.ts';
import type { Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { openSharedGit, openWorktreeGit } from '../git/git.ts';
import { GitObjects } from '../git/objects.ts';
import type { GitRepository } from '../git/repository.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Store } from '../store/store.ts';
import { createBranchCycle } from '../sync/branch/branch-cycle.ts';
import { forgetShared } from '../sync/branch/branch-memory.ts';
import { CheckedOutBranch } from '../sync/checked-out/checked-out-branch.ts';
import { createCheckedOutCycle } from '../sync/checked-out/checked-out-cycle.ts';
import type { Reached, SyncCycle } from '../sync/cycle.ts';
import type { Mirror } from '../sync/mirror/mirror-file.ts';
import { RemoteWait } from '../sync/remote-wait.ts';
import { createSyncBranch, type SyncBranch } from '../sync/branch/sync-branch.ts';
import type { Config } from './config/config.ts';

export interface SyncModeOptions {
  place: WorkspacePlace;
  projectId: string;
  config: Config;
  store: Store;
  mirror: Mirror;
  quarantineDirectory: string;
  env: Environment;
  clock: Clock;
  random: () => number;
  pause: (ms: number) => Promise<unknown>;
  reached: Reached;
  remoteWait: RemoteWait;
}

/** The cycle for the workspace's `sync.mode`; undefined where people commit the mirror themselves. */
export function openSyncCycle(options: SyncModeOptions): SyncCycle | undefined {
  const { place, config, projectId, store } = options;
  const { repository } = place;
  const mode = config.text('sync.mode') as SyncMode;
  // The branch lacks what changes while issues are shared in another way.
  if (repository === undefined || mode !== 'branch') forgetShared(store);
  // A workspace of the classic tool has no project id until `bd init` gives it one, or finds the right one.
  if (repository === undefined || projectId === '') return undefined;
  switch (mode) {
    case 'branch':
      return createBranchCycle({ ...options, branch: openBranch({ ...options, repository }) });
    case 'checked-out':
      return openCheckedOut({ ...options, repository });
    case 'worktree':
      return undefined;
    default:
      return mode satisfies never;
  }
}

export function openBranch({
  repository,
  config,
  projectId,
  clock,
  env,
  remoteWait = new RemoteWait(clock),
}: Pick<SyncModeOptions, 'config' | 'projectId' | 'clock' | 'env'> & {
  repository: GitRepository;
  remoteWait?: RemoteWait;
}): SyncBranch {
  return createSyncBranch({
    git: remoteWait.watch(openSharedGit(repository, { env })),
    clock,
    project: { projectId, prefix: config.text('issue_prefix') },
    names: {
      get branch() {
        return config.text('sync.branch');
      },
      get remote() {
        return config.text('sync.remote') || undefined;
      },
    },
  });
}

function openCheckedOut({
  repository,
  ...options
}: SyncModeOptions & { repository: GitRepository }): SyncCycle {
  const { place, store, mirror, env, clock, remoteWait } = options;
  const { commonDir, topLevel } = repository;
  const branch = new CheckedOutBranch({
    git: remoteWait.watch(openWorktreeGit(repository, { env })),
    objects: new GitObjects(openSharedGit(repository, { env })),
    commonDir,
    path: relative(topLevel, mirror.path).split(sep).join('/'),
    owner: `bd ${place.beadsDir}\n`,
    clock,
    state: store.state,
  });
  return createCheckedOutCycle({ ...options, branch });
}
