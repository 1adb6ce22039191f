import { setImmediate } from 'node:timers/promises';
import { decodeLine } from '../../core/causal/decode-line.ts';
import { divergedFrom, renameReplica } from '../../core/causal/replica-change.ts';
import { separateCollision } from '../../core/causal/id-collision.ts';
import type { IssueState } from '../../core/causal/issue-state.ts';
import { counterAt } from '../../core/causal/version-vector.ts';
import { SLICE_RECORDS } from '../../core/limits.ts';
import type { Store } from '../../store/store.ts';
import { readIssueLines } from './issue-lines.ts';
import { idOfLine } from './carried-lines.ts';

/**
 * Whether others know writes under this clone's name that this database did not make: it was put back
 * from a backup, or copied with all that could tell the copies apart.
 */
export function isWrittenElsewhere(
  { replica, outbox }: Store,
  ours: IssueState,
  theirs: IssueState,
): boolean {
  const id = replica.id();
  // Of two issues with one id each has writes of its own with the same dots.
  if (separateCollision(ours, theirs) !== undefined) return false;
  const after = outbox.sharedCounter(ours.id) ?? counterAt(ours.vector, id);
  return divergedFrom(ours, theirs, { replica: id, after });
}

/** From now on this clone has a new name, and so has all that it wrote and did not share. */
export function renameOwnWrites(
  { issues, outbox, replica }: Store,
  { nowMs }: { nowMs: number },
): void {
  const from = replica.id();
  const to = replica.renew();
  for (const id of outbox.issueIds()) {
    const state = issues.state(id);
    if (state === undefined) continue;
    const renamed = renameReplica(state, { from, after: outbox.sharedCounter(id) ?? 0, to });
    issues.put(renamed, { kind: 'updated', actor: '', origin: 'local', atMs: nowMs });
  }
  outbox.restartCounters();
}

/** The lines in a file of ours of the issues that wait to be sent. */
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

/**
 * The others have these lines of ours, so they may replace what this clone wrote there: what waits on was
 * written since.
 */
export function noteSharedWrites({ outbox, replica }: Store, lines: readonly string[]): void {
  for (const line of lines) {
    const decoded = decodeLine(line, 0);
    if (decoded.kind !== 'sealed') continue;
    const { id, vector } = decoded.state;
    outbox.noteShared(id, counterAt(vector, replica.id()));
  }
}
