import { isParentType } from '../dependency.ts';
import { TOMBSTONE, compareBytes, type Comment, type Dependency, type Issue } from '../issue.ts';
import { timestampMs } from '../timestamp.ts';
import { keyName, kindOf } from './field-key.ts';
import {
  compareSiblings,
  type Deletion,
  type IssueState,
  type Sibling,
  type Value,
} from './issue-state.ts';
import { joinMetadata } from './metadata-members.ts';
import { shownSibling } from './shown.ts';

/** An element of a list in the issue. */
export interface Placed {
  readonly key: string;
  readonly sibling: Sibling;
}

/** What people and other tools see of a state. */
export interface View {
  readonly issue: Issue;
  /** In the order of the issue's dependencies; the parent is one of them. */
  readonly edges: readonly Placed[];
  /** In the order of the issue's comments. */
  readonly comments: readonly Placed[];
  /** The status that a tombstone hides. */
  readonly statusBelow?: string;
  /** Whether the metadata shown is one register, not one by key. */
  readonly isMetadataWhole: boolean;
  /** Keys whose value is alive but not in the issue. */
  readonly hidden: ReadonlySet<string>;
}

/** Pure in the state: clones with equal states show equal issues. Never throws. */
export function viewIssue(state: IssueState): View {
  const parts: Parts = {
    issue: {
      created_at: state.updatedAt,
      id: state.id,
      title: '',
      status: 'open',
      priority: 0,
      issue_type: 'task',
    },
    opaque: {},
    labels: [],
    edges: [],
    comments: [],
    members: new Map(),
    hidden: new Set(),
  };
  for (const [key, siblings] of state.entries) place(parts, key, shownSibling(key, siblings));
  const issue = parts.issue as Issue;
  issue.updated_at = state.updatedAt;
  if (parts.labels.length > 0) issue.labels = parts.labels.sort(compareBytes);
  const edges = orderedEdges(parts);
  if (edges.length > 0)
    issue.dependencies = edges.map(({ sibling }) => sibling.value as Dependency);
  const comments = parts.comments.sort(compareComments);
  if (comments.length > 0) issue.comments = comments.map(({ sibling }) => sibling.value as Comment);
  const metadata = shownMetadata(parts);
  if (metadata !== undefined) parts.opaque['metadata'] = metadata;
  if (Object.keys(parts.opaque).length > 0) issue.opaque = parts.opaque;
  const isMetadataWhole = parts.metadata !== undefined;
  const view = { issue, edges, comments, hidden: parts.hidden, isMetadataWhole };
  if (parts.deletion?.deleted !== true) return view;
  const statusBelow = issue.status;
  issue.status = TOMBSTONE;
  return { ...view, statusBelow };
}

interface Parts {
  issue: Partial<Issue>;
  opaque: Record<string, string>;
  labels: string[];
  edges: Placed[];
  comments: Placed[];
  parent?: Dependency;
  deletion?: Deletion;
  metadata?: string;
  metadataOrder?: readonly string[];
  members: Map<string, string>;
  hidden: Set<string>;
}

function place(parts: Parts, key: string, sibling: Sibling): void {
  const { value } = sibling;
  const kind = kindOf(key);
  switch (kind) {
    case 'state':
    case 'created':
      Object.assign(parts.issue, value);
      return;
    case 'claim':
      if (value !== undefined) parts.issue.assignee = value as string;
      return;
    case 'deleted': {
      const { seen: _seen, deleted, ...fields } = value as Deletion;
      parts.deletion = { deleted };
      Object.assign(parts.issue, fields);
      return;
    }
    case 'parent':
      if (value === undefined) return;
      parts.parent = value as Dependency;
      parts.edges.push({ key, sibling });
      return;
    case 'edge':
      parts.edges.push({ key, sibling });
      return;
    case 'comment':
      parts.comments.push({ key, sibling });
      return;
    case 'label':
      parts.labels.push(keyName(key));
      return;
    case 'unknown':
      if (value !== undefined) setOwn(parts.opaque, keyName(key), value as string);
      return;
    case 'metadata':
      if (value === undefined) parts.hidden.add(key);
      else parts.metadata = value as string;
      return;
    case 'metadata_order':
      parts.hidden.add(key);
      parts.metadataOrder = value as readonly string[];
      return;
    case 'member':
      if (value !== undefined) parts.members.set(keyName(key), value as string);
      return;
    case undefined:
      return;
    default:
      if (value !== undefined) (parts.issue as Record<string, Value>)[kind] = value;
  }
}

/** The parent's register may name an edge that is an element too: it is shown once. */
function orderedEdges({ edges, parent, hidden }: Parts): Placed[] {
  const repeats = ({ key, sibling }: Placed): boolean => {
    if (parent === undefined || key === 'parent') return false;
    const edge = sibling.value as Dependency;
    return edge.depends_on_id === parent.depends_on_id && isParentType(edge.type);
  };
  for (const edge of edges) if (repeats(edge)) hidden.add(edge.key);
  return edges
    .filter((edge) => !hidden.has(edge.key))
    .sort((left, right) => compareSiblings(left.sibling, right.sibling));
}

/** Metadata kept whole on one clone hides what others hold by key. */
function shownMetadata({ metadata, members, metadataOrder, hidden }: Parts): string | undefined {
  if (metadata === undefined) return joinMetadata(members, metadataOrder);
  for (const key of members.keys()) hidden.add(`m/${key}`);
  return metadata;
}

function compareComments(left: Placed, right: Placed): number {
  const [first, second] = [left.sibling.value as Comment, right.sibling.value as Comment];
  const byTime =
    first.created_at === second.created_at
      ? 0
      : timestampMs(first.created_at) - timestampMs(second.created_at);
  return byTime || compareSiblings(left.sibling, right.sibling);
}

/** A key named `__proto__` is data like any other. */
function setOwn(record: Record<string, string>, key: string, value: string): void {
  Object.defineProperty(record, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
