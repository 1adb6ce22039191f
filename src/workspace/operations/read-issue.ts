import { omitEmpty } from '../../core/omit-undefined.ts';
import { isParentType } from '../../core/dependency.ts';
import type { IssueJson } from '../../core/issue-line.ts';
import { lineToJson } from '../../core/causal/decode-line.ts';
import { canonicalIssueType, TOMBSTONE } from '../../core/issue.ts';
import type { IssueFilter, IssueOrder } from '../../core/query.ts';
import { timestampAt, type Timestamp } from '../../core/timestamp.ts';
import type {
  EpicStatus,
  IssueDetails,
  IssueWithCounts,
  LinkedIssue,
} from '../../protocol/methods/issue.ts';
import type { Edge } from '../../store/graph-queries.ts';
import { findIssueId } from './find-issue.ts';
import { checkedStatus, checkedType, checkTime } from './issue-rules.ts';
import { openConflicts } from './open-conflicts.ts';
import type { ReadableWorkspace, Reads } from './operation.ts';

const DAY_MS = 86_400_000;

/** Later than any `defer_until`. */
const END_OF_TIME_MS = Number.MAX_SAFE_INTEGER;

export const readOperations: Reads<
  | 'get_issue'
  | 'resolve_id'
  | 'list_issues'
  | 'list_ready'
  | 'list_blocked'
  | 'list_stale'
  | 'count_issues'
  | 'get_stats'
  | 'epic_status'
> = {
  get_issue: (workspace, { issue_id: text }) => ({
    issue: detailsOf(workspace, findIssueId(workspace, text)),
  }),

  resolve_id: (workspace, { issue_id: text }) => ({ issue_id: findIssueId(workspace, text) }),

  list_issues: (workspace, { filter = {}, sort = 'priority', reverse = false, limit = 0 }) =>
    page(workspace, checkedFilter(workspace, filter), { sort, reverse, limit }),

  list_ready(workspace, { filter = {}, sort = 'hybrid', reverse = false, limit = 0, ...more }) {
    const readyAtMs = more.include_deferred === true ? END_OF_TIME_MS : workspace.clock.nowMs();
    const ready = { ...checkedFilter(workspace, filter), ready_at_ms: readyAtMs };
    return page(workspace, ready, { sort, reverse, limit });
  },

  list_blocked(workspace, { parent_id: parent }) {
    const filter = checkedFilter(workspace, { blocked: true, parent_id: parent });
    return {
      issues: workspace.store.queries.select(filter).map((issue) => {
        const blockers = blockersOf(workspace, issue.id);
        return { ...issue, blocked_by_count: blockers.length, blocked_by: blockers };
      }),
    };
  },

  list_stale(workspace, { days, status, limit = 0 }) {
    const nowMs = workspace.clock.nowMs();
    const filter: IssueFilter = {
      ...(status === undefined ? { exclude_statuses: ['closed'] } : { statuses: [status] }),
      updated_before: timestampAt(nowMs - days * DAY_MS),
    };
    const order = { sort: 'updated', reverse: true, limit, nowMs } as const;
    return { issues: workspace.store.queries.select(filter, order) };
  },

  count_issues(workspace, { filter = {}, group_by: group }) {
    const { queries } = workspace.store;
    const checked = checkedFilter(workspace, filter);
    const count = queries.count(checked);
    return group === undefined ? { count } : { count, groups: queries.countBy(checked, group) };
  },

  get_stats(workspace, { assignee }) {
    const { queries, graph } = workspace.store;
    const totals = queries.totals(assignee);
    return {
      total_issues: totals.total,
      open_issues: totals.open,
      in_progress_issues: totals.in_progress,
      closed_issues: totals.closed,
      blocked_issues: totals.blocked,
      deferred_issues: totals.deferred,
      ready_issues: queries.count({ assignee, ready_at_ms: workspace.clock.nowMs() }),
      tombstone_issues: totals.tombstone,
      pinned_issues: totals.pinned,
      epics_eligible_for_closure: graph.finishedEpics(),
      average_lead_time_hours: Number((queries.averageLeadTimeMs() / HOUR_MS).toFixed(2)),
    };
  },

  epic_status: (workspace, { eligible_only: eligibleOnly }) => ({
    epics: epics(workspace).filter((epic) => epic.eligible_for_close || eligibleOnly !== true),
  }),
};

/**
 * Refuses ids, times and names that no issue can have: an empty list would hide the mistake. Imported issues may
 * have statuses and types that new issues cannot.
 */
function checkedFilter(workspace: ReadableWorkspace, filter: IssueFilter): IssueFilter {
  const { queries } = workspace.store;
  for (const [field, value] of Object.entries(filter)) {
    if (/_(after|before)$/.test(field)) checkTime(field, value as Timestamp | undefined);
  }
  for (const status of [...(filter.statuses ?? []), ...(filter.exclude_statuses ?? [])]) {
    if (status !== TOMBSTONE && !queries.hasStatus(status)) checkedStatus(workspace, status);
  }
  const { issue_type: named, parent_id: parent } = filter;
  const type = named === undefined ? undefined : canonicalIssueType(named);
  if (type !== undefined && !queries.hasType(type)) checkedType(workspace, type);
  const parentId = parent === undefined ? undefined : findIssueId(workspace, parent);
  return { ...filter, issue_type: type, parent_id: parentId };
}

/** The issues at the other ends of edges, without missing and deleted ones. */
export function linkedIssues(
  workspace: ReadableWorkspace,
  edges: readonly Edge[],
  end: 'issue_id' | 'depends_on_id',
): LinkedIssue[] {
  return edges.flatMap((edge) => {
    const issue = workspace.store.issues.json(edge[end]);
    return issue === undefined || issue.status === 'tombstone'
      ? []
      : [{ ...issue, dependency_type: edge.type }];
  });
}

/** The issue's open blockers, or those of its nearest blocked ancestors. */
function blockersOf(workspace: ReadableWorkspace, id: string): string[] {
  const { graph } = workspace.store;
  const seen = new Set([id]);
  for (const member of seen) {
    const blockers = graph.blockers(member);
    if (blockers.length > 0) return blockers;
    for (const edge of graph.edges(member, 'down')) {
      if (isParentType(edge.type)) seen.add(edge.depends_on_id);
    }
  }
  return [];
}

function page(
  workspace: ReadableWorkspace,
  filter: IssueFilter,
  order: Required<IssueOrder> & { limit: number },
): { issues: IssueWithCounts[]; total: number } {
  const nowMs = workspace.clock.nowMs();
  const { rows, total } = workspace.store.queries.page(filter, { ...order, nowMs });
  return {
    issues: rows.map(({ record, ...counts }) => ({ ...lineToJson(record), ...counts })),
    total,
  };
}

function detailsOf(workspace: ReadableWorkspace, id: string): IssueDetails {
  const { issues, graph } = workspace.store;
  const { dependencies: _edges, ...issue } = issues.json(id) as IssueJson;
  return {
    ...issue,
    ...omitEmpty({
      dependencies: linkedIssues(workspace, graph.edges(id, 'down'), 'depends_on_id'),
      dependents: linkedIssues(workspace, graph.edges(id, 'up'), 'issue_id'),
      parent: graph.parent(id),
      conflicts: openConflicts(workspace, id).map(({ json }) => json.field),
    }),
  };
}

const HOUR_MS = 3_600_000;

/** Every open epic, with the progress of its children. */
function epics(workspace: ReadableWorkspace): EpicStatus[] {
  const { queries, graph } = workspace.store;
  const open = queries.select({ issue_type: 'epic', exclude_statuses: ['closed'] });
  return open.map((epic) => {
    const { total, closed } = graph.childProgress(epic.id);
    return {
      epic,
      total_children: total,
      closed_children: closed,
      eligible_for_close: total > 0 && closed === total,
    };
  });
}
