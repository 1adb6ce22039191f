import { omitUndefined } from '../../core/omit-undefined.ts';
import { BdError } from '../../core/errors.ts';
import {
  canonicalIssueType,
  ISSUE_TYPES,
  isClosed,
  STATUSES,
  type Issue,
} from '../../core/issue.ts';
import { isTimestamp, type Timestamp } from '../../core/timestamp.ts';
import type { Workspace } from '../workspace.ts';

/** Internal kinds of classic data stay editable; only people choose from the short list. */
export function checkedType(workspace: Workspace, name: string): string {
  const type = canonicalIssueType(name);
  const types = [...ISSUE_TYPES, ...workspace.config.list('types.custom')];
  if (types.includes(type)) return type;
  throw new BdError('INVALID_VALUE', {
    message: `invalid issue type "${name}"`,
    remedy: `Use one of: ${types.join(', ')}; more with \`bd config set types.custom NAME,NAME\`.`,
  });
}

export function checkedStatus(workspace: Workspace, name: string): string {
  const statuses = [...STATUSES, ...workspace.config.list('status.custom')];
  if (statuses.includes(name)) return name;
  throw new BdError('INVALID_VALUE', {
    message: `invalid status "${name}"`,
    remedy: `Use one of: ${statuses.join(', ')}; more with \`bd config set status.custom NAME,NAME\`.`,
  });
}

export function checkedTime(field: string, time: string): Timestamp {
  if (isTimestamp(time)) return time;
  throw new BdError('INVALID_VALUE', {
    message: `invalid ${field} "${time}"`,
    remedy: 'Give a time such as 2026-03-01T09:00:00Z.',
  });
}

/** Status, `closed_at` and the reason move together: an issue is closed if and only if it says when. */
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
