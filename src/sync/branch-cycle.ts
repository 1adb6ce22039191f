import { packWhenDue } from './branch-upkeep.ts';
import type { SyncCycle } from './cycle.ts';
import { createIssueTree } from './issue-tree.ts';
import { runSyncCycle, type CycleContext } from './sync-cycle.ts';

type BranchCycleOptions = Omit<CycleContext, 'issueTree' | 'push' | 'signal' | 'reached'> &
  Partial<Pick<CycleContext, 'reached'>>;

/** Shares through a branch of bd's own. */
export function createBranchCycle({
  reached = () => {},
  ...options
}: BranchCycleOptions): SyncCycle {
  const { store, branch } = options;
  const issueTree = createIssueTree(store, branch.objects);
  return {
    commits: 'store',
    run: (how) => runSyncCycle({ ...options, ...how, issueTree, reached }),
    async tidy(signal) {
      const packed = await packWhenDue(store.settings, branch, { signal });
      if (packed === 'packed') await reached('packed');
    },
  };
}
