import { isElement, isRequired, type KeyKind, kindOf } from '../../core/causal/field-key.ts';
import { fieldsOf } from '../../core/causal/fields.ts';
import type { Value } from '../../core/causal/issue-state.ts';
import type { View } from '../../core/causal/view.ts';
import { BdError } from '../../core/errors.ts';
import type { Comment, Issue } from '../../core/issue.ts';
import { TEXT_CHARS_MAX } from '../../core/limits.ts';
import { issueChanges } from '../../protocol/methods/issue.ts';
import { flag, text } from '../../protocol/shape.ts';
import { applyChanges } from './change-issue.ts';
import { findIssueId } from './find-issue.ts';
import type { OpenConflict } from './open-conflicts.ts';
import type { ReadableWorkspace } from './operation.ts';

const EXCERPT_CHARS = 60;

/** The version that `take` names: `winner` is the shown one; numbers count the others from 1. */
export function chosenVersion({ json, values }: OpenConflict, take: string): Value {
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

function excerpt(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > EXCERPT_CHARS ? `${text.slice(0, EXCERPT_CHARS - 1)}…` : text;
}

interface FieldContext {
  field: { id: string; name: string; key: string };
  shown: Value;
  view: View;
  actor: string;
}

const commentText = text({ min: 1, max: TEXT_CHARS_MAX });

/** A field's new value from JSON, by the rules of `update_issue`; null clears it. */
export function newFieldValue(
  workspace: ReadableWorkspace,
  value: unknown,
  context: FieldContext,
): Value {
  const { field, shown, view } = context;
  const kind = kindOf(field.key);
  if (kind === undefined || UNWRITTEN.has(kind)) throw notGiven(field);
  if (value === null && (isRequired(field.key) || isElement(field.key))) throw notCleared(field);
  if (value === null) return undefined;
  switch (kind) {
    case 'comment':
      return { ...(shown as Comment), text: commentText.check(value, field.name) };
    case 'unknown':
    case 'member':
    case 'metadata':
      return JSON.stringify(value);
    case 'pinned':
    case 'is_template':
      return flag().check(value, field.name);
    default:
      return editedValue(workspace, value, { ...context, view });
  }
}

/** Set in other ways, or derived from another field. */
const UNWRITTEN: ReadonlySet<KeyKind> = new Set<KeyKind>([
  'created',
  'deleted',
  'label',
  'edge',
  'metadata_order',
]);

/** The value that an ordinary edit would give the field. */
function editedValue(
  workspace: ReadableWorkspace,
  value: unknown,
  { field, view, actor }: FieldContext,
): Value {
  const changes = issueChanges.check({ [field.name]: value }, 'resolve_conflict');
  const { statusBelow } = view;
  const before: Issue =
    statusBelow === undefined ? view.issue : { ...view.issue, status: statusBelow };
  const after = applyChanges(workspace, before, { changes, actor });
  const { parent = '' } = changes;
  const parentTarget = parent === '' ? '' : findIssueId(workspace, parent);
  return fieldsOf(after, { parentTarget }).get(field.key);
}

function notGiven({ id, name }: FieldContext['field']): BdError {
  return new BdError('INVALID_VALUE', {
    message: `${name} of ${id} cannot be given a new value`,
    remedy: 'Take one of the values it has: `winner`, `other` or a number.',
  });
}

function notCleared({ id, name }: FieldContext['field']): BdError {
  return new BdError('INVALID_VALUE', {
    message: `${name} of ${id} cannot be empty`,
    remedy: 'Give a value, or take one that it has.',
  });
}
