import { unionTexts } from '../../core/causal/text-merge.ts';
import { isParentType } from '../../core/dependency.ts';
import { BdError } from '../../core/errors.ts';
import { issueToJson, type IssueJson } from '../../core/issue-line.ts';
import { isClosed, labelSet, type Issue } from '../../core/issue.ts';
import { timestampAt } from '../../core/timestamp.ts';
import type { Params } from '../../protocol/methods.ts';
import { withComment } from './comment.ts';
import { findIssue, findIssueId } from './find-issue.ts';
import {
  checkFreePlace,
  checkNewEdge,
  checkedStatus,
  checkedTime,
  TIME_FIELDS,
  checkedType,
  withStatus,
} from './issue-rules.ts';
import {
  actorOf,
  type EditableWorkspace,
  type Operations,
  putEdited,
  type ReadableWorkspace,
} from './operation.ts';
import { textVersions } from './open-conflicts.ts';

type Changes = Params<'update_issue'>['changes'];

export const changeOperations: Operations<
  'update_issue' | 'claim_issue' | 'close_issue' | 'reopen_issue',
  EditableWorkspace
> = {
  async update_issue(workspace, params) {
    const actor = await actorOf(workspace, params);
    return workspace.write(() => {
      const before = findIssue(workspace, params.issue_id);
      const after = applyChanges(workspace, before, { changes: params.changes, actor });
      const changed = changedFields(before, after);
      if (changed.length === 0) return { issue: issueToJson(before), changed };
      const stored = putEdited(workspace, after, { kind: 'updated', actor });
      return { issue: issueToJson(stored), changed };
    });
  },

  async claim_issue(workspace, params) {
    const actor = await actorOf(workspace, params);
    return workspace.write(() => {
      const issue = findIssue(workspace, params.issue_id);
      if (isClosed(issue)) throw notClaimable(issue, 'is closed', `bd reopen ${issue.id}`);
      const holder = issue.assignee ?? '';
      if (holder !== '' && holder !== actor) {
        throw notClaimable(issue, `is claimed by ${holder}`, `bd update ${issue.id} -a ''`);
      }
      if (holder === actor && issue.status === 'in_progress') {
        return { issue: issueToJson(issue), changed: false };
      }
      const claimed = { ...issue, assignee: actor, status: 'in_progress' };
      const stored = putEdited(workspace, claimed, { kind: 'claimed', actor });
      return { issue: issueToJson(stored), changed: true };
    });
  },

  async close_issue(workspace, params) {
    const actor = await actorOf(workspace, params);
    return workspace.write(() => {
      const issue = findIssue(workspace, params.issue_id);
      if (isClosed(issue)) return { issue: issueToJson(issue), changed: false, unblocked: [] };
      const blockers = workspace.store.graph.blockers(issue.id);
      if (blockers.length > 0 && params.force !== true) throw stillBlocked(issue, blockers);
      const waiting = waitingFor(workspace, issue.id);
      const now = timestampAt(workspace.clock.nowMs());
      const closed = withStatus(issue, 'closed', {
        now,
        reason: params.reason ?? 'Closed',
        session: params.session,
      });
      const stored = putEdited(workspace, closed, { kind: 'closed', actor });
      return { issue: issueToJson(stored), changed: true, unblocked: waiting.nowFree() };
    });
  },

  async reopen_issue(workspace, params) {
    const actor = await actorOf(workspace, params);
    return workspace.write(() => {
      const issue = findIssue(workspace, params.issue_id);
      if (!isClosed(issue)) return { issue: issueToJson(issue), changed: false };
      const now = timestampAt(workspace.clock.nowMs());
      const open = withStatus(issue, 'open', { now });
      const explained =
        params.reason === undefined || params.reason === ''
          ? open
          : withComment(open, { author: actor, text: params.reason, now });
      const stored = putEdited(workspace, explained, { kind: 'reopened', actor });
      return { issue: issueToJson(stored), changed: true };
    });
  },
};

/** Fields that an empty text removes. */
const CLEARABLE = [
  'description',
  'design',
  'acceptance_criteria',
  'notes',
  'spec_id',
  'assignee',
  'owner',
  'external_ref',
  'due_at',
  'defer_until',
] as const;

function isTimeField(field: string): boolean {
  return (TIME_FIELDS as readonly string[]).includes(field);
}

/** The issue with the changes applied, checked by the rules for all edits. */
export function applyChanges(
  workspace: ReadableWorkspace,
  before: Issue,
  { changes, actor }: { changes: Changes; actor: string },
): Issue {
  const now = timestampAt(workspace.clock.nowMs());
  const issue: Issue = { ...before };
  if (changes.title !== undefined) issue.title = changes.title;
  if (changes.priority !== undefined) issue.priority = changes.priority;
  if (changes.ephemeral !== undefined) issue.ephemeral = changes.ephemeral;
  if (changes.estimated_minutes !== undefined) issue.estimated_minutes = changes.estimated_minutes;
  if (changes.issue_type !== undefined) {
    issue.issue_type = checkedType(workspace, changes.issue_type);
  }
  for (const field of CLEARABLE) {
    const value = changes[field];
    if (value === '') delete issue[field];
    else if (value !== undefined) {
      issue[field] = isTimeField(field) ? checkedTime(field, value) : value;
    }
  }
  if (changes.append_notes !== undefined) {
    const notes = changes.notes === undefined ? allNotes(workspace, issue.id) : issue.notes;
    issue.notes = [notes, changes.append_notes].filter(Boolean).join('\n');
  }
  if (changes.metadata !== undefined) {
    issue.opaque = { ...issue.opaque, metadata: JSON.stringify(changes.metadata) };
  }
  applyLabels(issue, changes);
  if (changes.parent !== undefined) {
    applyParent(workspace, issue, { parent: changes.parent, actor, now });
  }
  if (changes.status === undefined) return issue;
  const status = checkedStatus(workspace, changes.status);
  return withStatus(issue, status, { now, session: changes.session });
}

/** Appending to notes in conflict must not settle the conflict, so it keeps the lines of all versions. */
function allNotes(workspace: ReadableWorkspace, id: string): string {
  const [shown = '', ...others] = textVersions(workspace, id, 'notes');
  return others.reduce(unionTexts, shown);
}

function applyLabels(issue: Issue, changes: Changes): void {
  const removed = new Set(changes.remove_labels);
  const kept = (changes.set_labels ?? issue.labels ?? []).filter((label) => !removed.has(label));
  const labels = labelSet([...kept, ...(changes.add_labels ?? [])]);
  if (labels.length > 0) issue.labels = labels;
  else delete issue.labels;
}

/** Moves the issue below `parent`, or to the top when `parent` is empty. */
function applyParent(
  workspace: ReadableWorkspace,
  issue: Issue,
  { parent, actor, now }: { parent: string; actor: string; now: string },
): void {
  const others = (issue.dependencies ?? []).filter((edge) => !isParentType(edge.type));
  const edges = [...others];
  if (parent !== '') {
    const edge = { from: issue.id, to: findIssueId(workspace, parent), type: 'parent-child' };
    const same = issue.dependencies?.find(
      (candidate) => isParentType(candidate.type) && candidate.depends_on_id === edge.to,
    );
    if (same !== undefined) return;
    checkNewEdge(workspace, edge);
    checkFreePlace(others, edge);
    edges.push({
      issue_id: issue.id,
      depends_on_id: edge.to,
      type: edge.type,
      created_at: now,
      created_by: actor,
    });
  }
  if (edges.length > 0) issue.dependencies = edges;
  else delete issue.dependencies;
}

function changedFields(before: Issue, after: Issue): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof Issue)[];
  return keys
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .map((key) => (key === 'opaque' ? 'metadata' : key));
}

/** The issues that `id` blocks; `nowFree` returns those that are no longer blocked after the change. */
function waitingFor(workspace: ReadableWorkspace, id: string): { nowFree: () => IssueJson[] } {
  const { graph, queries } = workspace.store;
  const order = { sort: 'priority', limit: 0, nowMs: workspace.clock.nowMs() } as const;
  const dependents = graph.edges(id, 'up').map((edge) => edge.issue_id);
  const waiting = queries.select({ ids: dependents, blocked: true }, order);
  const ids = waiting.map((issue) => issue.id);
  return { nowFree: () => queries.select({ ids, blocked: false }, order) };
}

function notClaimable(issue: Issue, why: string, command: string): BdError {
  return new BdError('ALREADY_CLAIMED', {
    message: `cannot claim ${issue.id}: it ${why}`,
    remedy: `Pick another with \`bd ready\`, or run \`${command}\` first.`,
    details: { issue_id: issue.id, assignee: issue.assignee ?? null },
  });
}

function stillBlocked(issue: Issue, blockers: readonly string[]): BdError {
  return new BdError('ISSUE_BLOCKED', {
    message: `cannot close ${issue.id}: blocked by open issues [${blockers.join(' ')}]`,
    remedy: 'Close those first, or close it anyway with --force.',
    details: { blocked_by: blockers },
  });
}
