import { isClosed, isDeleted } from '../../core/issue.ts';
import type { IssueFilter } from '../../core/query.ts';
import type { EpicStatus } from '../../protocol/methods/issue.ts';
import type { Workspace } from '../workspace.ts';
import type { Operations } from './operation.ts';
import { checkedFilter } from './read-issue.ts';

const HOUR_MS = 3_600_000;

export const countOperations: Operations<'count_issues' | 'get_stats' | 'epic_status'> = {
  count_issues(workspace, { filter = {}, group_by: group }) {
    const { queries } = workspace.store;
    const checked = checkedFilter(workspace, filter);
    const count = queries.count(checked);
    return group === undefined ? { count } : { count, groups: queries.countBy(checked, group) };
  },

  get_stats(workspace, { assignee }) {
    const { queries } = workspace.store;
    const mine: IssueFilter = assignee === undefined ? {} : { assignee };
    const count = (filter: IssueFilter): number => queries.count({ ...filter, ...mine });
    const inStatus = (status: string): number => count({ statuses: [status] });
    return {
      total_issues: count({}),
      open_issues: inStatus('open'),
      in_progress_issues: inStatus('in_progress'),
      closed_issues: inStatus('closed'),
      blocked_issues: count({ blocked: true }),
      deferred_issues: inStatus('deferred'),
      ready_issues: count({ ready_at_ms: workspace.clock.nowMs() }),
      tombstone_issues: inStatus('tombstone'),
      pinned_issues: count({ pinned: true }),
      epics_eligible_for_closure: epics(workspace).filter((epic) => epic.eligible_for_close).length,
      average_lead_time_hours: Number((queries.averageLeadTimeMs() / HOUR_MS).toFixed(2)),
    };
  },

  epic_status: (workspace, { eligible_only: eligibleOnly }) => ({
    epics: epics(workspace).filter((epic) => epic.eligible_for_close || eligibleOnly !== true),
  }),
};

/** Every epic that is not closed, with how far its children are. */
function epics(workspace: Workspace): EpicStatus[] {
  const { queries, issues } = workspace.store;
  const order = { sort: 'priority', limit: 0, nowMs: workspace.clock.nowMs() } as const;
  const open = queries.select({ issue_type: 'epic', exclude_statuses: ['closed'] }, order);
  return open.map((epic) => {
    const children = workspace.store.graph.children(epic.id).flatMap((id) => issues.json(id) ?? []);
    const living = children.filter((child) => !isDeleted(child));
    const closed = living.filter(isClosed).length;
    return {
      epic,
      total_children: living.length,
      closed_children: closed,
      eligible_for_close: living.length > 0 && closed === living.length,
    };
  });
}
