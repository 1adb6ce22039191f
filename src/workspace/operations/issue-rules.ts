import { findPath, isOrderingType, isParentType } from '../../core/dependency.ts';
import { omitUndefined } from '../../core/omit-undefined.ts';
import { BdError } from '../../core/errors.ts';
import {
  canonicalIssueType,
  isClosed,
  type Dependency,
  type Issue,
  ISSUE_TYPES,
  STATUSES,
} from '../../core/issue.ts';
import { isTimestamp, type Timestamp } from '../../core/timestamp.ts';
import type { Edge } from '../../store/graph-queries.ts';
import type { ReadableWorkspace } from './operation.ts';

/** Internal kinds of classic data stay editable; only people choose from the short list. */
export function checkedType(workspace: ReadableWorkspace, name: string): string {
  const type = canonicalIssueType(name);
  const types = [...ISSUE_TYPES, ...workspace.config.list('types.custom')];
  if (types.includes(type)) return type;
  throw new BdError('INVALID_VALUE', {
    message: `invalid issue type "${name}"`,
    remedy: `Use one of: ${types.join(', ')}; more with \`bd config set types.custom NAME,NAME\`.`,
  });
}

export function checkedStatus(workspace: ReadableWorkspace, name: string): string {
  const statuses = [...STATUSES, ...workspace.config.list('status.custom')];
  if (statuses.includes(name)) return name;
  throw new BdError('INVALID_VALUE', {
    message: `invalid status "${name}"`,
    remedy: `Use one of: ${statuses.join(', ')}; more with \`bd config set status.custom NAME,NAME\`.`,
  });
}

/** The fields of a new or changed issue that hold an instant. */
export function checkTimes(issue: {
  due_at?: string | undefined;
  defer_until?: string | undefined;
}): void {
  for (const field of ['due_at', 'defer_until'] as const) checkTime(field, issue[field]);
}

export function checkTime(field: string, time: string | undefined): void {
  if (time === undefined || isTimestamp(time)) return;
  throw new BdError('INVALID_VALUE', {
    message: `invalid ${field} "${time}"`,
    remedy: 'Give a time such as 2026-03-01T09:00:00Z.',
  });
}

/** Sets the status with `closed_at` and the reason: an issue is closed exactly when it has `closed_at`. */
export function withStatus(
  issue: Issue,
  status: string,
  {
    now,
    reason,
    session,
  }: { now: Timestamp; reason?: string | undefined; session?: string | undefined },
): Issue {
  const { closed_at: _at, close_reason: _reason, closed_by_session: _session, ...rest } = issue;
  if (!isClosed({ status })) return { ...rest, status };
  if (isClosed(issue)) return issue;
  return {
    ...rest,
    status,
    closed_at: now,
    ...omitUndefined({ close_reason: reason, closed_by_session: session }),
  };
}

/** As in the classic tool. */
const TYPE_CHARS_MAX = 50;

/** A new edge beside the `others` of its issue, checked by the rules for all edges. */
export function newEdge(
  workspace: ReadableWorkspace,
  edge: Edge,
  { others, actor, now }: { others: readonly Edge[]; actor: string; now: Timestamp },
): Dependency {
  checkNewEdge(workspace, edge);
  checkFreePlace(others, edge);
  return { ...edge, created_at: now, created_by: actor };
}

/** Refuses an edge that would make an issue wait for itself. */
export function checkNewEdge(
  workspace: ReadableWorkspace,
  { issue_id: from, depends_on_id: to, type }: Edge,
): void {
  if (type === '' || type.length > TYPE_CHARS_MAX) {
    throw new BdError('INVALID_VALUE', {
      message: `invalid dependency type "${type}"`,
      remedy: `Use a name of 1 to ${TYPE_CHARS_MAX} characters, such as blocks, related or discovered-from.`,
    });
  }
  if (from === to) {
    throw new BdError('INVALID_VALUE', {
      message: `${from} cannot depend on itself`,
      remedy: 'Name two different issues.',
    });
  }
  if (!isOrderingType(type)) return;
  const { graph } = workspace.store;
  const path = findPath(to, from, (id) =>
    graph
      .edges(id, 'down')
      .filter((edge) => isOrderingType(edge.type))
      .map((edge) => edge.depends_on_id),
  );
  if (path === undefined) return;
  throw new BdError('DEPENDENCY_CYCLE', {
    message: `${from} cannot depend on ${to}: it would close the cycle ${[from, ...path].join(' -> ')}`,
    remedy: 'Remove one of these dependencies first, with `bd dep remove`.',
    details: { cycle: [from, ...path] },
  });
}

/** Refuses what would silently replace an edge: one per pair of issues, one parent per issue. */
function checkFreePlace(
  others: readonly Edge[],
  { issue_id: from, depends_on_id: to, type }: Edge,
): void {
  const taken = others.find((edge) => edge.depends_on_id === to);
  if (taken !== undefined) {
    throw new BdError('ALREADY_EXISTS', {
      message: `${from} depends on ${to} already, with type ${taken.type}`,
      remedy: `Name each issue once; to change the type, run \`bd dep remove ${from} ${to}\` first.`,
    });
  }
  const parent = isParentType(type) ? others.find((edge) => isParentType(edge.type)) : undefined;
  if (parent !== undefined) {
    throw new BdError('ALREADY_EXISTS', {
      message: `${from} has the parent ${parent.depends_on_id} already`,
      remedy: `Run \`bd update ${from} --parent ${to}\` to move it.`,
    });
  }
}
