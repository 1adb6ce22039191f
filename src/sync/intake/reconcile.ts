import { BdError } from '../../core/errors.ts';
import { SLICE_BYTES, SLICE_RECORDS } from '../../core/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Origin } from '../../store/change.ts';
import type { Store } from '../../store/store.ts';
import type { IncomingLine } from './issue-lines.ts';
import { noEffects, type JoinEffects } from './join-news.ts';
import type { FindBase } from './line-base.ts';
import type { LineProblem } from './unreadable-lines.ts';
import { readLine } from './read-line.ts';
import { takeInVersion } from './take-in-version.ts';

export interface ReconcileReport extends JoinEffects {
  /** Issues that the lines created or changed here. */
  created: number;
  updated: number;
  /** Lines with nothing new. */
  unchanged: number;
  /** Lines of known issues that are not as bd wrote them. */
  edited: number;
  problems: LineProblem[];
}

/** Where the lines come from: the mirror, an imported file, or other clones. */
export type LineOrigin = Exclude<Origin, 'local'>;

interface ReconcileOptions {
  store: Store;
  clock: Clock;
  origin: LineOrigin;
  /** Finds what unsealed lines were made from. */
  findBase: FindBase;
  /** Aborted, it stops after a whole slice and throws the reason. */
  signal?: AbortSignal | undefined;
}

/**
 * Joins lines into the store, a slice per transaction, with a turn for other requests between slices.
 * Joining is idempotent, so an interrupted call is simply repeated.
 */
export async function reconcile(
  lines: Iterable<IncomingLine>,
  options: ReconcileOptions,
): Promise<ReconcileReport> {
  const { store, signal } = options;
  const report: ReconcileReport = {
    created: 0,
    updated: 0,
    unchanged: 0,
    edited: 0,
    problems: [],
    ...noEffects(),
  };
  await store.writeSlices(slices(lines, signal), (slice) => {
    for (const line of slice) takeIn(line, { ...options, report });
  });
  signal?.throwIfAborted();
  return report;
}

function* slices(
  lines: Iterable<IncomingLine>,
  signal: AbortSignal | undefined,
): Generator<IncomingLine[]> {
  let slice: IncomingLine[] = [];
  let bytes = 0;
  for (const line of lines) {
    slice.push(line);
    bytes += line.raw.length;
    if (slice.length < SLICE_RECORDS && bytes < SLICE_BYTES) continue;
    yield slice;
    if (signal?.aborted === true) return;
    slice = [];
    bytes = 0;
  }
  if (slice.length > 0) yield slice;
}

interface Context extends ReconcileOptions {
  report: ReconcileReport;
}

function takeIn(line: IncomingLine, context: Context): void {
  const { report } = context;
  const { text, number, raw } = line;
  const refuse = (problem: string): void =>
    void report.problems.push({ line: number, raw, problem });
  if (text === undefined) return refuse(line.problem ?? 'not readable');
  // Nearly all lines are as we wrote them: one look-up is enough, without parsing.
  const id = /^\{"id":"([^"\\]+)"/.exec(text)?.[1];
  if (id !== undefined && context.store.issues.line(id) === text) {
    report.unchanged += 1;
    return;
  }
  const { origin } = context;
  const nowMs = context.clock.nowMs();
  const news = readLine(text, {
    ...context,
    isOwn: origin === 'mirror',
    // The time for a line without one; every clone that reads it on the branch must use the same.
    nowMs: origin === 'remote' ? 0 : nowMs,
  });
  if (news.kind === 'unreadable') return refuse(news.problem);
  if (news.kind === 'nothing') {
    report.unchanged += 1;
    if (news.isEdited) report.edited += 1;
    return;
  }
  try {
    const outcome = takeInVersion({ ...news, text }, { ...context, nowMs });
    report[outcome] += 1;
    if (news.isEdited || (!news.isSealed && outcome === 'updated')) report.edited += 1;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    refuse(error.message);
  }
}

/** Lines that could not be read back or are too large to share go to the quarantine, like unreadable ones. */
function isRefusal(error: unknown): error is BdError {
  return error instanceof BdError && ['LIMIT_EXCEEDED', 'INVALID_VALUE'].includes(error.code);
}
