import { isParentType } from '../dependency.ts';
import { TOMBSTONE, isDeleted, type Dependency, type Issue } from '../issue.ts';
import { uidsOf } from './comment-uid.ts';
import {
  CAUSAL_KEY,
  PLAIN_FIELDS,
  commentKey,
  edgeKey,
  labelKey,
  memberKey,
  unknownKey,
} from './field-key.ts';
import type { Creation, Deletion, StatusGroup, Value } from './issue-state.ts';
import { looseMembers, splitMetadata } from './metadata-members.ts';

/** What an issue's line alone does not say. */
export interface FieldHints {
  /** Of its comments, in order; else by content. */
  commentUids?: readonly string[];
  /** Which of several parent edges the register holds: its target, or '' for none; else the first. */
  parentTarget?: string;
  /** The status that a tombstone hides. */
  statusBelow?: string;
  /** Keeps metadata in one register, or splits any object; else it is split where that loses no byte. */
  metadata?: 'whole' | 'split';
}

/** An issue as the values of its keys, edges and comments in the issue's order: the inverse of the view. */
export function fieldsOf(issue: Issue, hints: FieldHints = {}): Map<string, Value> {
  const fields = new Map<string, Value>();
  fields.set('created', creationOf(issue));
  for (const field of PLAIN_FIELDS) {
    const value = issue[field];
    if (value !== undefined) fields.set(field, value);
  }
  fields.set('state', statusGroupOf(issue, hints.statusBelow));
  if (issue.assignee !== undefined) fields.set('claim', issue.assignee);
  const deletion = deletionOf(issue);
  if (deletion !== undefined) fields.set('deleted', deletion);
  for (const label of issue.labels ?? []) fields.set(labelKey(label), undefined);
  setEdges(fields, issue.dependencies ?? [], hints.parentTarget);
  const comments = issue.comments ?? [];
  const uids = hints.commentUids ?? uidsOf(comments);
  for (const [at, comment] of comments.entries()) fields.set(commentKey(uids[at] ?? ''), comment);
  setOpaque(fields, issue.opaque ?? {}, hints.metadata);
  return fields;
}

/** The parent that the register holds unless the caller says otherwise. */
export function firstParent(edges: readonly Dependency[]): string {
  return edges.find(({ type }) => isParentType(type))?.depends_on_id ?? '';
}

/** The status that a tombstone most likely hides. */
export function likelyStatusBelow({ closed_at: closedAt }: Issue): string {
  return closedAt === undefined ? 'open' : 'closed';
}

function creationOf({ created_at: createdAt, created_by: createdBy }: Issue): Creation {
  return createdBy === undefined
    ? { created_at: createdAt }
    : { created_at: createdAt, created_by: createdBy };
}

function statusGroupOf(issue: Issue, statusBelow: string | undefined): StatusGroup {
  const status = isDeleted(issue) ? (statusBelow ?? likelyStatusBelow(issue)) : issue.status;
  return { status, ...present(issue, ['closed_at', 'close_reason', 'closed_by_session']) };
}

/** A line can bear marks of a deletion and yet be no tombstone. */
function deletionOf(issue: Issue): Deletion | undefined {
  const fields = present(issue, ['deleted_at', 'deleted_by', 'delete_reason', 'original_type']);
  const deleted = issue.status === TOMBSTONE;
  return deleted || Object.keys(fields).length > 0 ? { deleted, ...fields } : undefined;
}

function setEdges(
  fields: Map<string, Value>,
  edges: readonly Dependency[],
  parentTarget: string = firstParent(edges),
): void {
  for (const edge of edges) {
    const isParent =
      isParentType(edge.type) && edge.depends_on_id === parentTarget && !fields.has('parent');
    fields.set(isParent ? 'parent' : edgeKey(edge), edge);
  }
}

function setOpaque(
  fields: Map<string, Value>,
  opaque: Readonly<Record<string, string>>,
  shape: FieldHints['metadata'],
): void {
  for (const [name, raw] of Object.entries(opaque)) {
    if (name === CAUSAL_KEY) continue;
    if (name !== 'metadata') {
      fields.set(unknownKey(name), raw);
      continue;
    }
    const split = shape === 'split' ? looseMembers(raw) : splitMetadata(raw);
    if (split === undefined || shape === 'whole') {
      fields.set(name, raw);
      continue;
    }
    for (const [member, value] of split.members) fields.set(memberKey(member), value);
    if (split.order !== undefined) fields.set('metadata_order', split.order);
  }
}

function present<K extends keyof Issue>(issue: Issue, keys: readonly K[]): Pick<Issue, K> {
  const found: Partial<Issue> = {};
  for (const key of keys) if (issue[key] !== undefined) found[key] = issue[key];
  return found as Pick<Issue, K>;
}
