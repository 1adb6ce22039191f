import { setImmediate } from 'node:timers/promises';
import { encodeIssue } from '../../core/causal/causal-line.ts';
import { decodeLine } from '../../core/causal/decode-line.ts';
import { divergedFrom, renameReplica } from '../../core/causal/replica-change.ts';
import { separateCollision } from '../../core/causal/id-collision.ts';
import type { IssueState } from '../../core/causal/issue-state.ts';
import { counterAt } from '../../core/causal/dot.ts';
import { SLICE_RECORDS } from '../../core/limits.ts';
import type { Store } from '../../store/store.ts';
import { readIssueLines, idOfLine } from './issue-lines.ts';

/**
 * Whether there are writes under this clone's name that this database did not make: it was restored from a
 * backup, or copied together with the clone's name.
 */
export function isWrittenElsewhere(
  { replica, outbox }: Store,
  ours: IssueState,
  theirs: IssueState,
): boolean {
  const id = replica.id();
  // Two issues with one id can each have their own writes with the same dots.
  if (separateCollision(ours, theirs) !== undefined) return false;
  const after = outbox.sharedCounter(ours.id) ?? counterAt(ours.vector, id);
  return divergedFrom(ours, theirs, { replica: id, after });
}

/** Gives this clone a new name, also in all writes of its own that it did not share. */
export function renameOwnWrites({ issues, outbox, replica }: Store, nowMs: number): void {
  const from = replica.id();
  const to = replica.renew();
  for (const id of outbox.issueIds()) {
    const state = issues.state(id);
    if (state === undefined) continue;
    const renamed = renameReplica(state, { from, after: outbox.sharedCounter(id) ?? 0, to });
    issues.put(encodeIssue(renamed), { kind: 'updated', actor: '', origin: 'local', atMs: nowMs });
  }
  outbox.restartCounters();
}

/** The lines of a file of ours for issues in the outbox. */
export async function waitingLines({ outbox }: Store, content: Buffer): Promise<string[]> {
  const waiting = new Set(outbox.issueIds());
  const found: string[] = [];
  let looks = 0;
  for (const { raw, text } of readIssueLines(content)) {
    if (text !== undefined && waiting.has(idOfLine(raw) ?? '')) found.push(text);
    if (++looks % SLICE_RECORDS === 0) await setImmediate();
  }
  return found;
}

/** Notes that other clones have these lines of ours: of their issues, only later writes still wait to be sent. */
export function noteSharedWrites({ outbox, replica }: Store, lines: readonly string[]): void {
  for (const line of lines) {
    const decoded = decodeLine(line, 0);
    if (decoded.kind !== 'sealed') continue;
    const { id, vector } = decoded.state;
    outbox.noteShared(id, counterAt(vector, replica.id()));
  }
}
