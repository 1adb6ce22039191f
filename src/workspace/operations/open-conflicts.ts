import { listConflicts, type Conflict, valueToJson } from '../../core/causal/conflicts.ts';
import { edgeKey, keyName, kindOf, fieldName } from '../../core/causal/field-key.ts';
import type { IssueState, Sibling, Value } from '../../core/causal/issue-state.ts';
import { looseMembers } from '../../core/causal/metadata-members.ts';
import { viewIssue, type View } from '../../core/causal/view.ts';
import { shownSibling } from '../../core/causal/shown.ts';
import { compareBytes, type Dependency } from '../../core/issue.ts';
import { timestampAt } from '../../core/timestamp.ts';
import type { ConflictJson, VersionJson } from '../../protocol/methods/conflict.ts';
import type { ReadableWorkspace } from './operation.ts';

/** A conflict as reported, with the values that settling it needs. */
export interface OpenConflict {
  readonly json: ConflictJson;
  readonly key: string;
  /** What is shown, then the others, as they were written. */
  readonly values: readonly Value[];
}

/** The ids of all issues that have a conflict, sorted. */
export function issuesInConflict({ store }: Pick<ReadableWorkspace, 'store'>): string[] {
  const waiting = store.cycles.suppressed().map((edge) => edge.issue_id);
  return [...new Set([...store.queries.idsInConflict(), ...waiting])].sort(compareBytes);
}

/** The open conflicts of an issue, one per field. Every clone has the same list. */
export function openConflicts(
  { store }: Pick<ReadableWorkspace, 'store'>,
  id: string,
): OpenConflict[] {
  const closing = store.cycles.suppressed().filter((edge) => edge.issue_id === id);
  if (closing.length === 0 && !store.queries.isInConflict(id)) return [];
  const state = store.issues.state(id);
  if (state === undefined) return [];
  const view = viewIssue(state);
  const found = new Map<string, OpenConflict>();
  const add = (conflict: OpenConflict): void => void found.set(conflict.json.field, conflict);
  for (const conflict of onePerKey(listConflicts(state))) add(described(conflict, { state, view }));
  // Last: removing the edge also settles any other conflict of that field.
  for (const edge of closing) for (const conflict of cycleConflict(view, edge)) add(conflict);
  return [...found.values()].sort((left, right) => compareBytes(left.json.field, right.json.field));
}

/** A conflict about deletion comes first; it lists the other values of its key too. */
function onePerKey(conflicts: readonly Conflict[]): Conflict[] {
  const found = new Map<string, Conflict>();
  for (const conflict of conflicts) {
    const { others } = found.get(conflict.key) ?? conflict;
    found.set(conflict.key, { ...conflict, others });
  }
  return [...found.values()];
}

function described(
  conflict: Conflict,
  { state, view }: { state: IssueState; view: View },
): OpenConflict {
  const { key, kind } = conflict;
  const { shown, others } =
    isMemberOfWhole(key, view) && kind !== 'edited-while-deleted'
      ? besideWhole(conflict, { state, view })
      : conflict;
  // Metadata that was cleared as a whole may still have keys to show.
  const visible = key === 'metadata' ? view.issue.opaque?.['metadata'] : shown.value;
  return {
    json: {
      issue_id: view.issue.id,
      title: view.issue.title,
      field: fieldName(key),
      kind: kind === 'duplicate-dot' ? 'duplicate-write' : kind,
      shown: version(key, { ...shown, value: visible }),
      others: others.map((other) => version(key, other)),
    },
    key,
    values: [shown, ...others].map(({ value }) => value),
  };
}

/** Metadata that was replaced as a whole hides concurrent writes to a single key of it. */
export function isMemberOfWhole(key: string, { isMetadataWhole }: View): boolean {
  return isMetadataWhole && kindOf(key) === 'member';
}

/** Shown is the value at this key in the whole; the writes to the key itself are the other values. */
function besideWhole(
  { key, shown, others }: Conflict,
  { state, view }: { state: IssueState; view: View },
): Pick<Conflict, 'shown' | 'others'> {
  const whole = shownSibling('metadata', state.entries.get('metadata') ?? [shown]);
  const value = looseMembers(view.issue.opaque?.['metadata'] ?? '')?.members.get(keyName(key));
  // Replacing the whole cleared its keys; a cleared value is no choice.
  const written = [shown, ...others].filter((sibling) => sibling.value !== undefined);
  return { shown: { ...whole, value }, others: written };
}

/** A dependency that does not count because it closes a cycle. No write says so, so the shown value has no writer. */
function cycleConflict(
  { issue, edges }: View,
  { depends_on_id: target, type }: { depends_on_id: string; type: string },
): OpenConflict[] {
  const placed = edges.find(({ sibling }) => {
    const edge = sibling.value as Dependency;
    return edge.depends_on_id === target && edge.type === type;
  });
  if (placed === undefined) return [];
  const { sibling } = placed;
  const key = edgeKey(sibling.value as Dependency);
  const json: ConflictJson = {
    issue_id: issue.id,
    title: issue.title,
    field: fieldName(key),
    kind: 'cycle',
    shown: { value: null, written_at: null, replica: null },
    others: [version(key, sibling)],
  };
  return [{ json, key, values: [undefined, sibling.value] }];
}

function version(key: string, { value, ms, replica }: Sibling): VersionJson {
  return { value: valueToJson(key, value), written_at: timestampAt(ms), replica };
}

/** The versions of a long text: the shown one first, then the others if it is in conflict. */
export function textVersions(
  { store }: Pick<ReadableWorkspace, 'store'>,
  id: string,
  field: string,
): string[] {
  const siblings = store.issues.state(id)?.entries.get(field);
  if (siblings === undefined) return [];
  const values = [shownSibling(field, siblings), ...siblings].map(({ value }) => value);
  return [...new Set(values)].map((value) => (typeof value === 'string' ? value : ''));
}
