import { isParentType } from '../dependency.ts';
import { isDeleted, type Dependency, type Issue } from '../issue.ts';
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
import { groupOf, type Deletion, type Value } from './issue-state.ts';
import { looseMembers, splitMetadata } from './metadata-members.ts';

/** What an issue's line alone does not say. */
export interface FieldHints {
  /** Of its comments, in order; else by content. */
  commentUids?: readonly string[] | undefined;
  /** Which of several parent edges the register holds: its target, or '' for none; else the first. */
  parentTarget?: string | undefined;
  /** The status that a tombstone hides. */
  statusBelow?: string | undefined;
  /** Keeps metadata in one register, or splits any object; else it is split where that loses no byte. */
  metadata?: 'whole' | 'split' | undefined;
}

/** An issue as the values of its keys, edges and comments in the issue's order: the inverse of the view. */
export function fieldsOf(issue: Issue, hints: FieldHints = {}): Map<string, Value> {
  const fields = new Map<string, Value>();
  fields.set('created', groupOf('created', issue));
  for (const field of PLAIN_FIELDS) {
    const value = issue[field];
    if (value !== undefined) fields.set(field, value);
  }
  const deleted = isDeleted(issue);
  const status = deleted ? (hints.statusBelow ?? likelyStatusBelow(issue)) : issue.status;
  fields.set('state', groupOf('state', status === issue.status ? issue : { ...issue, status }));
  if (issue.assignee !== undefined) fields.set('claim', issue.assignee);
  const deletion: Deletion = { deleted, ...(groupOf('deleted', issue) as Partial<Deletion>) };
  // A line can bear marks of a deletion and yet be no tombstone.
  if (deleted || Object.keys(deletion).length > 1) fields.set('deleted', deletion);
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
