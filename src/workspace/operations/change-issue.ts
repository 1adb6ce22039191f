import { unionTexts } from '../../core/causal/text-merge.ts';
import { isParentType } from '../../core/dependency.ts';
import { BdError } from '../../core/errors.ts';
import { issueToJson, type IssueJson } from '../../core/issue-line.ts';
import {
  changedFields,
  isClosed,
  labelSet,
  type Dependency,
  type Issue,
} from '../../core/issue.ts';
import { omitEmpty, omitUndefined } from '../../core/omit-undefined.ts';
import { timestampAt } from '../../core/timestamp.ts';
import type { Params } from '../../protocol/methods.ts';
import { withComment } from './comment.ts';
import { findIssue, findIssueId } from './find-issue.ts';
import { checkedStatus, checkedType, checkTimes, newEdge, withStatus } from './issue-rules.ts';
import { edit, type Edits, type ReadableWorkspace } from './operation.ts';
import { textVersions } from './open-conflicts.ts';

type Changes = Params<'update_issue'>['changes'];

export const changeOperations: Edits<
  'update_issue' | 'claim_issue' | 'close_issue' | 'reopen_issue'
> = {
  update_issue: (workspace, params) =>
    edit(workspace, params, ({ actor, put }) => {
      const before = findIssue(workspace, params.issue_id);
      const after = applyChanges(workspace, before, { changes: params.changes, actor });
      const fields = changedFields(before, after);
      const changed = fields.map((field) => (field === 'opaque' ? 'metadata' : field));
      if (changed.length === 0) return { issue: issueToJson(before), changed };
      return { issue: issueToJson(put(after, 'updated')), changed };
    }),

  claim_issue: (workspace, params) =>
    edit(workspace, params, ({ actor, put }) => {
      const issue = findIssue(workspace, params.issue_id);
      if (isClosed(issue)) throw notClaimable(issue, 'is closed', `bd reopen ${issue.id}`);
      const holder = issue.assignee ?? '';
      if (holder !== '' && holder !== actor) {
        throw notClaimable(issue, `is claimed by ${holder}`, `bd update ${issue.id} -a ''`);
      }
      if (holder === actor && issue.status === 'in_progress') {
        return { issue: issueToJson(issue), changed: false };
      }
      const stored = put({ ...issue, assignee: actor, status: 'in_progress' }, 'claimed');
      return { issue: issueToJson(stored), changed: true };
    }),

  close_issue: (workspace, params) =>
    edit(workspace, params, ({ now, put }) => {
      const issue = findIssue(workspace, params.issue_id);
      if (isClosed(issue)) return { issue: issueToJson(issue), changed: false, unblocked: [] };
      const blockers = workspace.store.graph.blockers(issue.id);
      if (blockers.length > 0 && params.force !== true) throw stillBlocked(issue, blockers);
      const waiting = waitingFor(workspace, issue.id);
      const { reason = 'Closed', session } = params;
      const stored = put(withStatus(issue, 'closed', { now, reason, session }), 'closed');
      return { issue: issueToJson(stored), changed: true, unblocked: waiting.nowFree() };
    }),

  reopen_issue: (workspace, params) =>
    edit(workspace, params, ({ actor: author, now, put }) => {
      const issue = findIssue(workspace, params.issue_id);
      if (!isClosed(issue)) return { issue: issueToJson(issue), changed: false };
      const open = withStatus(issue, 'open', { now });
      const { reason: text = '' } = params;
      const stored = put(text === '' ? open : withComment(open, { author, text, now }), 'reopened');
      return { issue: issueToJson(stored), changed: true };
    }),
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

/** The issue with the changes applied, checked by the rules for all edits. */
export function applyChanges(
  workspace: ReadableWorkspace,
  before: Issue,
  { changes, actor }: { changes: Changes; actor: string },
): Issue {
  const now = timestampAt(workspace.clock.nowMs());
  const { title, priority, ephemeral, estimated_minutes } = changes;
  const issue: Issue = {
    ...before,
    ...omitUndefined({ title, priority, ephemeral, estimated_minutes }),
  };
  if (changes.issue_type !== undefined) {
    issue.issue_type = checkedType(workspace, changes.issue_type);
  }
  for (const field of CLEARABLE) {
    const value = changes[field];
    if (value === '') delete issue[field];
    else if (value !== undefined) issue[field] = value;
  }
  checkTimes(omitEmpty(changes));
  if (changes.append_notes !== undefined) {
    const notes = changes.notes === undefined ? allNotes(workspace, issue.id) : issue.notes;
    issue.notes = [notes, changes.append_notes].filter(Boolean).join('\n');
  }
  if (changes.metadata !== undefined) {
    issue.opaque = { ...issue.opaque, metadata: JSON.stringify(changes.metadata) };
  }
  issue.labels = changedLabels(before.labels, changes);
  if (changes.parent !== undefined) {
    issue.dependencies = withParent(workspace, before, { parent: changes.parent, actor, now });
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

function changedLabels(before: Issue['labels'] = [], changes: Changes): string[] {
  const removed = new Set(changes.remove_labels);
  const kept = (changes.set_labels ?? before).filter((label) => !removed.has(label));
  return labelSet([...kept, ...(changes.add_labels ?? [])]);
}

/** The dependencies of an issue that is moved below `parent`, or to the top when `parent` is empty. */
function withParent(
  workspace: ReadableWorkspace,
  { id, dependencies: edges = [] }: Issue,
  { parent, actor, now }: { parent: string; actor: string; now: string },
): readonly Dependency[] {
  const others = edges.filter((edge) => !isParentType(edge.type));
  if (parent === '') return others;
  const edge = {
    issue_id: id,
    depends_on_id: findIssueId(workspace, parent),
    type: 'parent-child',
  };
  const isThere = edges.some(
    ({ type, depends_on_id: target }) => isParentType(type) && target === edge.depends_on_id,
  );
  if (isThere) return edges;
  return [...others, newEdge(workspace, edge, { others, actor, now })];
}

/** The issues that `id` blocks; `nowFree` returns those that are no longer blocked after the change. */
function waitingFor(workspace: ReadableWorkspace, id: string): { nowFree: () => IssueJson[] } {
  const { graph, queries } = workspace.store;
  const dependents = graph.edges(id, 'up').map((edge) => edge.issue_id);
  const ids = queries.select({ ids: dependents, blocked: true }).map((issue) => issue.id);
  return { nowFree: () => queries.select({ ids, blocked: false }) };
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
