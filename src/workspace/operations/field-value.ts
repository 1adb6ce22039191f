import { isElement, isRequired, kindOf, type KeyKind } from '../../core/causal/field-key.ts';
import { fieldsOf } from '../../core/causal/fields.ts';
import type { Value } from '../../core/causal/issue-state.ts';
import type { View } from '../../core/causal/view.ts';
import { BdError } from '../../core/errors.ts';
import type { Comment, Issue } from '../../core/issue.ts';
import { TEXT_CHARS_MAX } from '../../core/limits.ts';
import { issueChanges } from '../../protocol/methods/issue.ts';
import { flag, text } from '../../protocol/shape.ts';
import type { Workspace } from '../workspace.ts';
import { applyChanges } from './change-issue.ts';
import { findIssueId } from './find-issue.ts';

interface FieldContext {
  field: { id: string; name: string; key: string };
  shown: Value;
  view: View;
  actor: string;
}

const commentText = text({ min: 1, max: TEXT_CHARS_MAX });

/** A new value for one field of an issue from JSON data, by the rules of `update_issue`; null clears it. */
export function newFieldValue(workspace: Workspace, value: unknown, context: FieldContext): Value {
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

/** What is given by other means, or follows from another field. */
const UNWRITTEN: ReadonlySet<KeyKind> = new Set<KeyKind>([
  'created',
  'deleted',
  'label',
  'edge',
  'metadata_order',
]);

/** The value that the field has in the issue as an ordinary edit would leave it. */
function editedValue(
  workspace: Workspace,
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
