import { join } from 'node:path';
import { valueToJson } from '../../core/causal/conflicts.ts';
import {
  isElement,
  isLongText,
  isRequired,
  type KeyKind,
  keyName,
  kindOf,
} from '../../core/causal/field-key.ts';
import { fieldsOf } from '../../core/causal/fields.ts';
import type { IssueState, Value } from '../../core/causal/issue-state.ts';
import { joinMetadata, looseMembers } from '../../core/causal/metadata-members.ts';
import { shownSibling } from '../../core/causal/shown.ts';
import { unionTexts } from '../../core/causal/text-merge.ts';
import { type View, viewIssue } from '../../core/causal/view.ts';
import { clearing, type Put, restoreWrite, type Write } from '../../core/causal/write.ts';
import { isParentType } from '../../core/dependency.ts';
import { BdError } from '../../core/errors.ts';
import { issueToJson } from '../../core/issue-line.ts';
import type { Comment, Dependency, Issue } from '../../core/issue.ts';
import { TEXT_CHARS_MAX } from '../../core/limits.ts';
import { issueChanges } from '../../protocol/methods/issue.ts';
import type { Params } from '../../protocol/methods.ts';
import { flag, text } from '../../protocol/shape.ts';
import { listQuarantine } from '../../sync/intake/unreadable-lines.ts';
import type { Workspace } from '../workspace.ts';
import { applyChanges } from './change-issue.ts';
import { findAnyIssue, findIssueId } from './find-issue.ts';
import { checkNewEdge } from './issue-rules.ts';
import {
  isMemberOfWhole,
  issuesInConflict,
  type OpenConflict,
  openConflicts,
} from './open-conflicts.ts';
import { edit, type Edits, type Operations, type ReadableWorkspace } from './operation.ts';

export const conflictOperations: Edits<'resolve_conflict'> &
  Operations<'list_conflicts', ReadableWorkspace & Pick<Workspace, 'place'>> = {
  list_conflicts(workspace, { issue_id: text }) {
    const { quarantineDirectory } = workspace.place;
    const ids =
      text === undefined ? issuesInConflict(workspace) : [findAnyIssue(workspace, text).id];
    // An unreadable line cannot be assigned to an issue.
    const files = text === undefined ? listQuarantine(quarantineDirectory) : [];
    return {
      conflicts: ids.flatMap((id) => openConflicts(workspace, id).map(({ json }) => json)),
      kept_aside: files.map((name) => join(quarantineDirectory, name)),
    };
  },

  /** The write has seen all values, so it replaces them on every clone. */
  resolve_conflict: (workspace, params) =>
    edit(workspace, params, ({ actor, change }) => {
      const { store } = workspace;
      checkChoice(params);
      const { id } = findAnyIssue(workspace, params.issue_id);
      const conflicts = openConflicts(workspace, id);
      const conflict = conflicts.find(({ json }) => json.field === params.field);
      const state = store.issues.state(id);
      if (conflict === undefined || state === undefined) {
        throw notInConflict(id, params.field, conflicts);
      }
      const view = viewIssue(state);
      const dispute = { workspace, conflict, state, view, choice: params, actor, conflicts };
      const { writes, value } = settle(dispute);
      const { field, kind, shown, others } = conflict.json;
      const data = { field, value, versions: [shown, ...others] };
      const issue = store.edits.write(id, writes, { ...change('conflict_resolved'), data });
      return { issue: issueToJson(issue), field, kind, value };
    }),
};

/** The writes that settle a conflict, and the field's value afterwards. */
interface Settlement {
  writes: readonly Write[];
  value: unknown;
}

/** A conflict to settle, and the current state of its issue. */
interface Dispute {
  workspace: ReadableWorkspace;
  conflict: OpenConflict;
  state: IssueState;
  view: View;
  choice: Params<'resolve_conflict'>;
  actor: string;
  /** Of the whole issue. */
  conflicts: readonly OpenConflict[];
}

function checkChoice({ take, value, merge }: Params<'resolve_conflict'>): void {
  const given = [take !== undefined, value !== undefined, merge === true].filter(Boolean);
  if (given.length === 1) return;
  throw new BdError('INVALID_VALUE', {
    message: `resolve_conflict got ${given.length === 0 ? 'none' : 'several'} of take, value and merge`,
    remedy: 'Give one of them.',
  });
}

function settle(dispute: Dispute): Settlement {
  const { conflict, view } = dispute;
  switch (conflict.json.kind) {
    case 'edited-while-deleted':
      return settleDeletion(dispute);
    case 'cycle':
      return settleCycle(dispute);
    default: {
      const { writes, value } = isMemberOfWhole(conflict.key, view)
        ? settleMember(dispute)
        : settleValues(dispute);
      return { writes: [...writes, ...renewedDeletion(dispute)], value };
    }
  }
}

/** Writes the deletion of a deleted issue again, so that it knows of this write; else it would count as a late edit. */
function renewedDeletion(dispute: Dispute): Write[] {
  const { conflict, conflicts, state, view } = dispute;
  const siblings = state.entries.get('deleted') ?? [];
  if (conflict.key === 'deleted' || view.statusBelow === undefined) return [];
  const open = conflicts.find(
    ({ key, json }) => key === 'deleted' || json.kind === 'edited-while-deleted',
  );
  if (open !== undefined) refuseWhileOpen(dispute, open.json.field);
  return [{ key: 'deleted', value: shownSibling('deleted', siblings).value }];
}

/** One decision for all edits that were concurrent with the deletion. */
function settleDeletion({ conflict, state, choice }: Dispute): Settlement {
  const siblings = state.entries.get('deleted') ?? [];
  const { take } = choice;
  if (siblings.length === 0 || (take !== 'winner' && take !== 'other')) {
    throw new BdError('INVALID_VALUE', {
      message: `${conflict.json.issue_id} was deleted while others edited it`,
      remedy:
        'Take `winner` to leave it deleted, or `other` to bring it back with the edits, and then change it.',
    });
  }
  const put: Put =
    take === 'winner'
      ? { key: 'deleted', value: shownSibling('deleted', siblings).value }
      : restoreWrite();
  return { writes: [put], value: valueToJson(put.key, put.value) };
}

/** Removes the edge, from the parent and from the dependencies. */
function settleCycle(dispute: Dispute): Settlement {
  const { conflict, state, choice } = dispute;
  const { issue_id: id } = conflict.json;
  const edge = conflict.values[1] as Dependency;
  if (choice.take !== 'winner') {
    throw new BdError('INVALID_VALUE', {
      message: `the dependency of ${id} on ${edge.depends_on_id} closes a cycle, so it does not count`,
      remedy: `Take \`winner\` to remove it, or remove another dependency of the cycle, which \`bd dep cycles\` shows, with \`bd dep remove\`.`,
    });
  }
  const keys = [...state.entries]
    .filter(([key, siblings]) => isSameEdge(edge, key, shownSibling(key, siblings).value))
    .map(([key]) => key);
  if (keys.includes('parent')) refuseWhileOpen(dispute, 'parent');
  return { writes: keys.map(clearing), value: null };
}

function isSameEdge({ depends_on_id: target, type }: Dependency, key: string, value: Value) {
  const kind = kindOf(key);
  if ((kind !== 'edge' && kind !== 'parent') || value === undefined) return false;
  const other = value as Dependency;
  const isSameType = other.type === type || (isParentType(type) && isParentType(other.type));
  return isSameType && other.depends_on_id === target;
}

/** Either the whole metadata stays and the key's writes go, or the key's value is put into the whole. */
function settleMember(dispute: Dispute): Settlement {
  const { conflict, view, choice } = dispute;
  const { key, json } = conflict;
  if (choice.take === 'winner') {
    return { writes: [clearing(key)], value: json.shown.value };
  }
  refuseWhileOpen(dispute, 'metadata');
  const split = looseMembers(view.issue.opaque?.['metadata'] ?? '');
  if (split === undefined) {
    throw new BdError('INVALID_VALUE', {
      message: `the metadata of ${json.issue_id} is no longer an object, so there is no place for ${json.field}`,
      remedy: 'Take the winner, and write the metadata anew with `bd update --metadata`.',
    });
  }
  const value = choose(dispute);
  const members = new Map(split.members);
  if (value === undefined) members.delete(keyName(key));
  else members.set(keyName(key), value as string);
  const whole = joinMetadata(members, [...members.keys()]) ?? '{}';
  return {
    writes: [{ key: 'metadata', value: whole }, clearing(key)],
    value: valueToJson(key, value),
  };
}

function settleValues(dispute: Dispute): Settlement {
  const { workspace, conflict, choice } = dispute;
  const { key, json, values } = conflict;
  const value = choose(dispute);
  const isNews = value !== values[0];
  if (key === 'parent' && choice.take !== undefined && isNews && value !== undefined) {
    const { depends_on_id: to, type } = value as Dependency;
    checkNewEdge(workspace, { issue_id: json.issue_id, depends_on_id: to, type });
  }
  const writes: Write[] = [{ key, value }];
  if (key === 'metadata' && value !== undefined) writes.push(...membersGivingWay(dispute));
  return { writes, value: valueToJson(key, value) };
}

/** Metadata that is taken as a whole replaces the keys that were shown, except those still in conflict. */
function membersGivingWay({ state, conflicts }: Dispute): Write[] {
  const open = new Set(conflicts.map(({ key }) => key));
  return [...state.entries.keys()]
    .filter((key) => kindOf(key) === 'member' && !open.has(key))
    .map(clearing);
}

function choose(dispute: Dispute): Value {
  const { conflict, choice } = dispute;
  if (choice.take !== undefined) return chosenVersion(conflict, choice.take);
  return newFieldValue(dispute, choice.merge === true ? mergedText(conflict) : choice.value);
}

/** The version that `take` names: `winner` is the shown one; numbers count the others from 1. */
function chosenVersion({ json, values }: OpenConflict, take: string): Value {
  const others = values.slice(1);
  if (take === 'winner') return values[0];
  if (take === 'other' && others.length === 1) return others[0];
  const number = /^\d+$/.test(take) ? Number(take) : 0;
  if (number >= 1 && number <= others.length) return others[number - 1];
  const numbered = json.others.map(({ value }, at) => `${at + 1} is ${excerpt(value)}`).join(', ');
  throw new BdError('INVALID_VALUE', {
    message:
      take === 'other'
        ? `${json.field} of ${json.issue_id} has ${others.length} other values`
        : `${json.field} of ${json.issue_id} has no value "${take}" to take`,
    remedy:
      numbered === ''
        ? 'Take `winner`: there is no other value.'
        : `Take \`winner\`, which is ${excerpt(json.shown.value)}, or a number: ${numbered}.`,
  });
}

const EXCERPT_CHARS = 60;

function excerpt(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > EXCERPT_CHARS ? `${text.slice(0, EXCERPT_CHARS - 1)}…` : text;
}

const commentText = text({ min: 1, max: TEXT_CHARS_MAX });

/** Set in other ways, or derived from another field. */
const UNWRITTEN: readonly (KeyKind | undefined)[] = [
  undefined,
  'created',
  'deleted',
  'label',
  'edge',
  'metadata_order',
];

/** A field's new value from JSON, by the rules of `update_issue`; null clears it. */
function newFieldValue(dispute: Dispute, value: unknown): Value {
  const { key, json, values } = dispute.conflict;
  const kind = kindOf(key);
  if (UNWRITTEN.includes(kind)) {
    throw new BdError('INVALID_VALUE', {
      message: `${json.field} of ${json.issue_id} cannot be given a new value`,
      remedy: 'Take one of the values it has: `winner`, `other` or a number.',
    });
  }
  if (value === null && (isRequired(key) || isElement(key))) {
    throw new BdError('INVALID_VALUE', {
      message: `${json.field} of ${json.issue_id} cannot be empty`,
      remedy: 'Give a value, or take one that it has.',
    });
  }
  if (value === null) return undefined;
  switch (kind) {
    case 'comment':
      return { ...(values[0] as Comment), text: commentText.check(value, json.field) };
    case 'unknown':
    case 'member':
    case 'metadata':
      return JSON.stringify(value);
    case 'pinned':
    case 'is_template':
      return flag().check(value, json.field);
    default:
      return editedValue(dispute, value);
  }
}

/** The value that an ordinary edit would give the field. */
function editedValue({ workspace, conflict, view, actor }: Dispute, value: unknown): Value {
  const changes = issueChanges.check({ [conflict.json.field]: value }, 'resolve_conflict');
  const { issue, statusBelow } = view;
  const before: Issue = statusBelow === undefined ? issue : { ...issue, status: statusBelow };
  const after = applyChanges(workspace, before, { changes, actor });
  const { parent = '' } = changes;
  const parentTarget = parent === '' ? '' : findIssueId(workspace, parent);
  return fieldsOf(after, { parentTarget }).get(conflict.key);
}

function mergedText({ key, values, json }: OpenConflict): string {
  if (!isLongText(key)) {
    throw new BdError('INVALID_VALUE', {
      message: `${json.field} is no long text, so its values cannot be merged`,
      remedy: 'Take one of them, or give a new value.',
    });
  }
  const texts = values.map((value) =>
    typeof value === 'object' ? (value as Comment).text : String(value ?? ''),
  );
  return texts.reduce(unionTexts);
}

function refuseWhileOpen({ conflict, conflicts }: Dispute, field: string): void {
  const { issue_id: id } = conflict.json;
  if (!conflicts.some(({ json }) => json.field === field)) return;
  throw new BdError('INVALID_VALUE', {
    message: `the ${field} of ${id} is in conflict itself`,
    remedy: `Settle that first: \`bd conflicts show ${id}\` shows how.`,
  });
}

function notInConflict(id: string, field: string, conflicts: readonly OpenConflict[]): BdError {
  const fields = conflicts.map(({ json }) => json.field);
  return new BdError('INVALID_VALUE', {
    message: `${field} of ${id} is not in conflict`,
    remedy:
      fields.length === 0
        ? 'Nothing of this issue is; `bd conflicts` lists what is.'
        : `In conflict are: ${fields.join(', ')}.`,
    details: { fields },
  });
}
