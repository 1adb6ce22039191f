import { relative, sep } from 'node:path';
import { openSharedGit, openWorktreeGit } from '../git/git.ts';
import { GitObjects } from '../git/objects.ts';
import type { GitRepository } from '../git/repository.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { createBranchCycle } from '../sync/branch/branch-cycle.ts';
import { createSyncBranch, type SyncBranch } from '../sync/branch/sync-branch.ts';
import { CheckedOutBranch } from '../sync/checked-out/checked-out-branch.ts';
import { createCheckedOutCycle } from '../sync/checked-out/checked-out-cycle.ts';
import type { Reached, SyncCycle } from '../sync/cycle.ts';
import type { Mirror } from '../sync/mirror/mirror-file.ts';
import { RemoteWait } from '../sync/remote-wait.ts';
import type { Store } from '../store/store.ts';
import type { Config } from './config/config.ts';

// The ways to share issues through git; a daemon loads them with its first cycle.

export interface CycleOptions {
  place: WorkspacePlace;
  repository: GitRepository;
  projectId: string;
  config: Config;
  store: Store;
  mirror: Mirror;
  quarantineDirectory: string;
  env: Environment;
  clock: Clock;
  random: () => number;
  pause: (ms: number) => Promise<unknown>;
  remoteWait: RemoteWait;
  reached: Reached;
}

export function openBranchCycle({ repository, ...options }: CycleOptions): SyncCycle {
  return createBranchCycle({ ...options, branch: openBranch(repository, options) });
}

export function openCheckedOutCycle({ repository, ...options }: CycleOptions): SyncCycle {
  return createCheckedOutCycle({ ...options, branch: openCheckedOut(repository, options) });
}

export function openBranch(
  repository: GitRepository,
  {
    config,
    projectId,
    clock,
    env,
    remoteWait = new RemoteWait(clock),
  }: Pick<CycleOptions, 'config' | 'projectId' | 'clock' | 'env'> & { remoteWait?: RemoteWait },
): SyncBranch {
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

function openCheckedOut(
  repository: GitRepository,
  { place, store, mirror, env, clock, remoteWait }: Omit<CycleOptions, 'repository'>,
): CheckedOutBranch {
  const { commonDir, topLevel } = repository;
  return new CheckedOutBranch({
    git: remoteWait.watch(openWorktreeGit(repository, { env })),
    objects: new GitObjects(openSharedGit(repository, { env })),
    commonDir,
    path: relative(topLevel, mirror.path).split(sep).join('/'),
    owner: `bd ${place.beadsDir}\n`,
    clock,
    state: store.state,
  });
}
