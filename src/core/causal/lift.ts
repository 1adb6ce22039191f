import { encodeIssueLine } from '../issue-line.ts';
import { isDeleted, type Comment, type Dependency, type Issue } from '../issue.ts';
import { isParentType } from '../dependency.ts';
import { compareTimestamps, timestampMs } from '../timestamp.ts';
import { matchUids } from './comment-uid.ts';
import { edgeKey, isElement, isRequired, keyName, kindOf } from './field-key.ts';
import { fieldsOf, firstParent, type FieldHints } from './fields.ts';
import { createState, applyWrites, clearing, type Put, type Write } from './write.ts';
import { isSameBirth } from './id-collision.ts';
import type { Creation, IssueState, Value } from './issue-state.ts';
import { meansSame } from './same-meaning.ts';
import { contentName } from './text-hash.ts';
import { formatVector, counterAt } from './dot.ts';
import { viewIssue, type View } from './view.ts';

export interface LiftContext {
  /** What is known of the issue by now; the base when that is all. */
  current?: IssueState;
  /** The replica of an edit that only this clone sees, such as one in the file beside it. */
  local?: { replica: string; nowMs: number };
}

/**
 * Takes in a version that was made without knowing `_bd`, from the state it was made from: what it
 * changed there becomes writes, concurrent to all that the base does not know. An unchanged version is
 * the base itself. Join the outcome with what is known by now.
 *
 * A clone writes as itself only if it knows no more of its own writes than the base does, since a
 * counter cannot skip. Else the writer is named after what was changed from what, and has its time
 * from the record: clones that lift one version, or one clone twice, make the same writes.
 */
export function liftIssue(
  base: IssueState,
  foreign: Issue,
  { current = base, local }: LiftContext = {},
): IssueState {
  const writes = diffToWrites(base, foreign);
  const knowsOwn =
    local !== undefined &&
    counterAt(base.vector, local.replica) === counterAt(current.vector, local.replica);
  const stamp = stampOf(foreign, formatVector(base.vector));
  return applyWrites(base, writes, knowsOwn ? { ...stamp, ...local } : stamp);
}

/** No tool moves `updated_at` back: a version that is older than the base was not made from it. */
export function canBeMadeFrom(base: IssueState, foreign: Issue): boolean {
  return compareTimestamps(foreign.updated_at, base.updatedAt) >= 0;
}

/**
 * Takes in a version of which no earlier one is known. The outcome depends on the record only, so
 * clones that take in the same line on their own make the same writes, not concurrent ones. `classic` is the
 * record's line, where it is at hand.
 */
export function liftFirst(foreign: Issue, classic?: string): IssueState {
  return createState(foreign.id, creationWrites(foreign), stampOf(foreign, '', classic));
}

/**
 * Takes in a version of which it is not known what it was made from, while the issue is known: what it
 * has otherwise becomes writes that have seen nothing. Join the outcome with `current`, where they
 * are added to what is there; nothing is removed, as the writer may not have meant that.
 * Undefined when there is nothing new. An issue that only has the same id is to be separated first.
 *
 * The writer is named after the record and what is written, since clones that know other things find
 * other things new: with one name, what one of them did not write would look overwritten there.
 */
export function liftStranger(current: IssueState, foreign: Issue): IssueState | undefined {
  const writes = findNews(compare(current, foreign)).filter(
    (write) => !isEmptied(write) && !isKnown(write, current),
  );
  if (writes.length === 0) return undefined;
  return createState(current.id, writes, stampOf(foreign, JSON.stringify(writes)));
}

/** All that a record holds, as the writes of its creation. */
export function creationWrites(issue: Issue): Put[] {
  return [...fieldsOf(issue)].map(([key, value]) => ({ key, value }));
}

/**
 * What a foreign version changed against the state it was made from. A key that bd does not know may
 * be missing because the tool drops such keys: that removes nothing. A tombstone only deletes, and
 * nothing in a foreign line brings a deleted issue back.
 */
export function diffToWrites(base: IssueState, foreign: Issue): Write[] {
  const comparison = compare(base, foreign);
  const { before, after, view } = comparison;
  const writes: Write[] = findNews(comparison);
  for (const [key, value] of before) {
    if (!after.has(key) && isTakenAway(key, { value, foreign })) writes.push(clearing(key));
  }
  return writes.some(({ key }) => key === 'parent') ? [...writes, ...twinRemovals(view)] : writes;
}

/** An issue is created once: a tool may spell the instant anew, or leave out the author. */
function bornAs({ created_at: createdAt, created_by: by }: Issue, foreign: Issue): Issue {
  const createdBy = foreign.created_by ?? by;
  const rest = createdBy === undefined ? {} : { created_by: createdBy };
  return { ...foreign, created_at: createdAt, ...rest };
}

/** The parent that is removed may also be an element, which only the register hid. */
function twinRemovals({ hidden }: View): Write[] {
  return [...hidden].filter((key) => kindOf(key) === 'edge').map(clearing);
}

/** A version beside a state, each as the values of its keys. */
interface Comparison {
  readonly foreign: Issue;
  readonly view: View;
  readonly before: ReadonlyMap<string, Value>;
  readonly after: ReadonlyMap<string, Value>;
}

function compare(base: IssueState, foreign: Issue): Comparison {
  const view = viewIssue(base);
  const after = fieldsOf(bornAs(view.issue, foreign), foreignHints(view, foreign));
  return { foreign, view, before: shownFields(view), after };
}

function findNews(comparison: Comparison): Put[] {
  const found = [...comparison.after].map(([key, value]) => ({ key, value }));
  return found.filter((put) => isNews(put, comparison));
}

function shownFields(view: View): Map<string, Value> {
  const { issue, comments, statusBelow, hidden } = view;
  const fields = fieldsOf(issue, {
    commentUids: comments.map(({ key }) => keyName(key)),
    parentTarget: heldParent(view) ?? '',
    statusBelow,
    metadata: metadataHint(view),
  });
  for (const key of hidden) fields.delete(key);
  return fields;
}

function foreignHints(view: View, foreign: Issue): FieldHints {
  const known = view.comments.map(({ key, sibling }) => ({
    uid: keyName(key),
    comment: sibling.value as Comment,
  }));
  return {
    commentUids: matchUids(known, foreign.comments ?? []),
    parentTarget: parentOf(view, foreign.dependencies ?? []),
    statusBelow: view.statusBelow,
    metadata: metadataHint(view),
  };
}

/** Metadata is compared in the shape in which it is held. */
function metadataHint({ issue, isMetadataWhole }: View): FieldHints['metadata'] {
  if (issue.opaque?.['metadata'] === undefined) return undefined;
  return isMetadataWhole ? 'whole' : 'split';
}

/** The register keeps its edge while that is there; else the first new parent edge goes into it. */
function parentOf(view: View, edges: readonly Dependency[]): string {
  const held = heldParent(view);
  const parents = edges.filter(({ type }) => isParentType(type));
  if (parents.some((edge) => edge.depends_on_id === held)) return held ?? '';
  const elements = new Set(view.edges.map(({ key }) => key));
  return firstParent(parents.filter((edge) => !elements.has(edgeKey(edge))));
}

function heldParent({ edges }: View): string | undefined {
  const parent = edges.find(({ key }) => key === 'parent')?.sibling.value;
  return (parent as Dependency | undefined)?.depends_on_id;
}

function isNews({ key, value }: Put, { before, view, foreign }: Comparison): boolean {
  const wasDeleted = view.statusBelow !== undefined;
  if (key === 'deleted' && wasDeleted && !isDeleted(foreign)) return false;
  // A tombstone does not say what the status was before.
  if (key === 'state' && isDeleted(foreign)) return false;
  if (key === 'metadata_order' && before.has(key)) return false;
  if (key === 'created' && isCreationLeftOut(before.get(key), foreign)) return false;
  // A register that is not there is an empty one, but an element is there or not.
  if (isElement(key) && !before.has(key)) return true;
  return !meansSame(key, before.get(key), value);
}

/** A line without these keys was given its `updated_at`, or the time of reading, as its creation. */
function isCreationLeftOut(before: Value, foreign: Issue): boolean {
  if (before === undefined || foreign.created_by !== undefined) return false;
  const { created_at: createdAt } = before as Creation;
  return (
    foreign.created_at === foreign.updated_at ||
    compareTimestamps(foreign.created_at, createdAt) === 0
  );
}

/** Nothing, or what a tool writes for it. */
function isEmptied({ key, value }: Put): boolean {
  return !isElement(key) && meansSame(key, value, undefined);
}

/** The value was written too, shown or not. */
function isKnown({ key, value }: Put, { entries }: IssueState): boolean {
  return (entries.get(key) ?? []).some((sibling) =>
    key === 'created' ? isSameBirth(sibling, { value }) : meansSame(key, sibling.value, value),
  );
}

function isTakenAway(key: string, { value, foreign }: { value: Value; foreign: Issue }): boolean {
  if (isDeleted(foreign) || isRequired(key)) return false;
  const kind = kindOf(key);
  if (kind === 'unknown' || kind === 'metadata' || kind === 'metadata_order') return false;
  if (kind === 'member') return foreign.opaque?.['metadata'] !== undefined;
  return kind === 'label' || !meansSame(key, value, undefined);
}

/** Names the writer after the version and what else is given: by eight characters, so that it is no clone's own id. */
function stampOf(foreign: Issue, detail: string, classic = encodeIssueLine(foreign)) {
  const { updated_at: updatedAt } = foreign;
  const replica = contentName(detail, '\n', classic);
  return { replica, nowMs: timestampMs(updatedAt), updatedAt };
}
