import { setImmediate } from 'node:timers/promises';
import { encodeIssueLine, parseIssueLine } from '../core/issue-line.ts';
import { isClosed, isDeleted, type Issue } from '../core/issue.ts';
import { SLICE_BYTES, SLICE_RECORDS } from '../core/limits.ts';
import { mergeIssues } from '../core/merge.ts';
import { compareTimestamps, timestampAfter } from '../core/timestamp.ts';
import type { Clock } from '../platform/clock.ts';
import type { ChangeKind, Origin } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { IncomingLine } from './issue-lines.ts';

export interface LineProblem {
  line: number;
  problem: string;
  /** The line word for word, for the quarantine. */
  raw: Uint8Array;
}

export interface ReconcileReport {
  /** Issues that the lines made or changed here. */
  created: number;
  updated: number;
  /** Lines that brought nothing new. */
  unchanged: number;
  problems: LineProblem[];
}

/** Who wrote the lines: programs and people beside us, a file that was given, or other clones. */
export type LineOrigin = Exclude<Origin, 'local'>;

interface ReconcileOptions {
  store: Store;
  clock: Clock;
  origin: LineOrigin;
  /** Counts what would be done, and writes nothing. */
  isDryRun?: boolean;
}

/**
 * Joins lines into the store, a slice per transaction, with a turn for other requests between slices.
 * Joining is idempotent: an interrupted call is simply made again.
 */
export async function reconcile(
  lines: Iterable<IncomingLine>,
  { store, clock, origin, isDryRun = false }: ReconcileOptions,
): Promise<ReconcileReport> {
  const report: ReconcileReport = { created: 0, updated: 0, unchanged: 0, problems: [] };
  for (const slice of slices(lines)) {
    store.transaction(() => {
      for (const line of slice) {
        const outcome = takeIn(line, { store, origin, isDryRun, nowMs: clock.nowMs() });
        if (typeof outcome === 'string') report[outcome] += 1;
        else report.problems.push({ line: line.number, raw: line.raw, problem: outcome.problem });
      }
    });
    await setImmediate();
  }
  return report;
}

function* slices(lines: Iterable<IncomingLine>): Generator<IncomingLine[]> {
  let slice: IncomingLine[] = [];
  let bytes = 0;
  for (const line of lines) {
    slice.push(line);
    bytes += line.raw.length;
    if (slice.length < SLICE_RECORDS && bytes < SLICE_BYTES) continue;
    yield slice;
    slice = [];
    bytes = 0;
  }
  if (slice.length > 0) yield slice;
}

interface Context {
  store: Store;
  origin: LineOrigin;
  isDryRun: boolean;
  nowMs: number;
}

function takeIn(
  { text, problem = 'not readable' }: IncomingLine,
  { store, origin, isDryRun, nowMs }: Context,
): 'created' | 'updated' | 'unchanged' | { problem: string } {
  if (text === undefined) return { problem };
  // Nearly all lines are those we wrote: one look-up settles them, without parsing.
  const id = /^\{"id":"([^"\\]+)"/.exec(text)?.[1];
  if (id !== undefined && store.issues.line(id) === text) return 'unchanged';
  const parsed = parseIssueLine(text, nowMs);
  if ('problem' in parsed) return parsed;
  const ours = store.issues.get(parsed.issue.id);
  const ourLine = ours === undefined ? undefined : encodeIssueLine(ours);
  const theirLine = encodeIssueLine(parsed.issue);
  if (theirLine === ourLine) return 'unchanged';
  const joined = ours === undefined ? parsed.issue : join(ours, parsed.issue, { origin, nowMs });
  const joinedLine = encodeIssueLine(joined);
  const outcome = joinedLine === ourLine ? 'unchanged' : ours === undefined ? 'created' : 'updated';
  if (isDryRun) return outcome;
  if (outcome !== 'unchanged') {
    const kind = changeKind(ours, joined);
    store.issues.put(joined, { kind, actor: changedBy(kind, joined), origin, atMs: nowMs });
  }
  // Theirs lost, wholly or in part: it is news to them.
  if (origin === 'remote' && joinedLine !== theirLine) store.outbox.add(joined.id);
  return outcome;
}

/**
 * In a file beside us, content that changed under an unchanged `updated_at` is an edit made by hand:
 * it is newer than ours, whatever its timestamp says. An older line there is an old copy of the file.
 */
function join(
  ours: Issue,
  theirs: Issue,
  { origin, nowMs }: { origin: LineOrigin; nowMs: number },
): Issue {
  if (origin !== 'remote' && compareTimestamps(ours.updated_at, theirs.updated_at) === 0) {
    return mergeIssues(ours, { ...theirs, updated_at: timestampAfter(ours.updated_at, nowMs) });
  }
  return mergeIssues(ours, theirs);
}

function changeKind(before: Issue | undefined, after: Issue): ChangeKind {
  if (isDeleted(after)) return 'deleted';
  if (before === undefined) return 'created';
  if (isDeleted(before)) return 'reopened';
  if (isClosed(after) !== isClosed(before)) return isClosed(after) ? 'closed' : 'reopened';
  return 'updated';
}

/** As far as the record tells. */
function changedBy(kind: ChangeKind, issue: Issue): string {
  if (kind === 'created') return issue.created_by ?? issue.owner ?? '';
  if (kind === 'deleted') return issue.deleted_by ?? '';
  return issue.assignee ?? '';
}
