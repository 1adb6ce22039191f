import { encodeState } from '../../../src/core/causal/causal-line.ts';
import { decodeLine } from '../../../src/core/causal/decode-line.ts';
import type { IssueState } from '../../../src/core/causal/issue-state.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import { creationWrites } from '../../../src/core/causal/lift.ts';
import { viewIssue } from '../../../src/core/causal/view.ts';
import { applyWrites, createState, type Write } from '../../../src/core/causal/write.ts';
import { parseIssueLine } from '../../../src/core/issue-line.ts';
import type { Issue } from '../../../src/core/issue.ts';

const BORN_AT = '2026-01-01T00:00:00.000Z';
export const BORN_MS = Date.parse(BORN_AT);

/** A record as a line would give it. */
export function record(fields: Record<string, unknown> = {}): Issue {
  const line = JSON.stringify({
    id: 'a-1',
    title: 'first',
    status: 'open',
    priority: 2,
    issue_type: 'task',
    created_at: BORN_AT,
    created_by: 'mia',
    updated_at: BORN_AT,
    ...fields,
  });
  const parsed = parseIssueLine(line, 0);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.issue;
}

/** An issue that replica `aaaaaa` has created. */
export function created(fields: Record<string, unknown> = {}): IssueState {
  const issue = record(fields);
  return createState(issue.id, creationWrites(issue), {
    replica: 'aaaaaa',
    nowMs: BORN_MS,
    updatedAt: issue.updated_at,
  });
}

/** One event, `seconds` after the creation by its writer's clock. */
export function write(
  state: IssueState,
  replica: string,
  seconds: number,
  ...writes: Write[]
): IssueState {
  return applyWrites(state, writes, { replica, nowMs: BORN_MS + seconds * 1000 });
}

export const put = (key: string, value: unknown): Write => ({ key, value }) as Write;
export const remove = (key: string): Write => ({ key, removed: true });

export function joinAll(first: IssueState, ...others: IssueState[]): IssueState {
  return others.reduce(joinStates, first);
}

export const shown = (state: IssueState): Issue => viewIssue(state).issue;

/** There and back through the bytes of a line. */
export function throughLine(state: IssueState): IssueState {
  const decoded = decodeLine(encodeState(state), 0);
  if (decoded.kind !== 'sealed') throw new Error(JSON.stringify(decoded));
  return decoded.state;
}

/** The line as a tool writes it that does not know `_bd`. */
export function classicPart(line: string): string {
  return `${line.slice(0, line.lastIndexOf(',"_bd":{'))}}`;
}
