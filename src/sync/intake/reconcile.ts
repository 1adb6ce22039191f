import { BdError } from '../../core/errors.ts';
import { SLICE_BYTES, SLICE_RECORDS } from '../../core/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import type { IncomingLine } from './issue-lines.ts';
import { noEffects, type JoinEffects } from './join-news.ts';
import type { LineProblem } from './unreadable-lines.ts';
import { readLine, takeInVersion, type LineContext } from './take-in-version.ts';

export interface ReconcileReport extends JoinEffects {
  /** Issues that the lines created or changed here. */
  created: number;
  updated: number;
  unchanged: number;
  /** Lines of known issues that are not as bd wrote them. */
  edited: number;
  problems: LineProblem[];
}

interface ReconcileOptions extends Pick<LineContext, 'store' | 'origin' | 'findBase'> {
  clock: Clock;
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
  const counts = { created: 0, updated: 0, unchanged: 0, edited: 0 };
  const report: ReconcileReport = { ...counts, problems: [], ...noEffects() };
  await store.writeSlices(slices(lines, signal), (slice) => {
    const ids = slice.flatMap(({ text = '' }) => firstId(text) ?? []);
    store.issues.withLookAhead(ids, () => {
      for (const line of slice) takeIn(line, { ...options, report });
    });
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

function takeIn(
  line: IncomingLine,
  { clock, report, ...options }: ReconcileOptions & { report: ReconcileReport },
): void {
  const { text, number, raw } = line;
  const refuse = (problem: string): void =>
    void report.problems.push({ line: number, raw, problem });
  if (text === undefined) return refuse(line.problem ?? 'not readable');
  // Nearly all lines are as we wrote them: one look-up is enough, without parsing.
  const id = firstId(text);
  if (id !== undefined && options.store.issues.line(id) === text) {
    report.unchanged += 1;
    return;
  }
  const context = { ...options, report, nowMs: clock.nowMs() };
  const version = readLine(text, context);
  if ('problem' in version) return refuse(version.problem);
  try {
    const outcome = takeInVersion(version, context);
    report[outcome] += 1;
    const { isEdited, isSealed } = version;
    if (isEdited || (!isSealed && outcome === 'updated')) report.edited += 1;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    refuse(error.message);
  }
}

/** The id where bd and the classic tool write it. */
function firstId(text: string): string | undefined {
  return /^\{"id":"([^"\\]+)"/.exec(text)?.[1];
}

/** Lines that could not be read back or are too large to share go to the quarantine, like unreadable ones. */
function isRefusal(error: unknown): error is BdError {
  return error instanceof BdError && ['LIMIT_EXCEEDED', 'INVALID_VALUE'].includes(error.code);
}
