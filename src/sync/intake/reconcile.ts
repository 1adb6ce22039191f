import { BdError } from '../../core/errors.ts';
import { SLICE_BYTES, SLICE_RECORDS } from '../../core/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Origin } from '../../store/change.ts';
import type { Store } from '../../store/store.ts';
import type { ClassicOrigin } from './classic-origin.ts';
import type { IncomingLine } from './issue-lines.ts';
import { noEffects, type JoinEffects } from './join-news.ts';
import type { FindBase } from './line-base.ts';
import type { LineProblem } from './quarantine.ts';
import { readLine } from './read-line.ts';
import { takeInVersion } from './take-in-version.ts';

export interface ReconcileReport extends JoinEffects {
  /** Issues that the lines made or changed here. */
  created: number;
  updated: number;
  /** Lines that brought nothing new. */
  unchanged: number;
  /** Lines that are not as any of us wrote them, of issues that are known here. */
  edited: number;
  problems: LineProblem[];
}

/** Who wrote the lines: programs and people beside us, a file that was given, or other clones. */
export type LineOrigin = Exclude<Origin, 'local'>;

interface ReconcileOptions {
  store: Store;
  clock: Clock;
  origin: LineOrigin;
  /** What lines were made from that none of us sealed. */
  findBase: FindBase;
  /** What all lines were made from, where that is known and they do not tell it. */
  originOf?: ClassicOrigin;
}

/**
 * Joins lines into the store, a slice per transaction, with a turn for other requests between slices.
 * Joining is idempotent: an interrupted call is simply made again.
 */
export async function reconcile(
  lines: Iterable<IncomingLine>,
  options: ReconcileOptions,
): Promise<ReconcileReport> {
  const { store } = options;
  const report: ReconcileReport = {
    created: 0,
    updated: 0,
    unchanged: 0,
    edited: 0,
    problems: [],
    ...noEffects(),
  };
  await store.writeSlices(slices(lines), (slice) => {
    for (const line of slice) takeIn(line, { ...options, report });
  });
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

interface Context extends ReconcileOptions {
  report: ReconcileReport;
}

function takeIn(line: IncomingLine, context: Context): void {
  const { report } = context;
  const { text, number, raw } = line;
  const refuse = (problem: string): void =>
    void report.problems.push({ line: number, raw, problem });
  if (text === undefined) return refuse(line.problem ?? 'not readable');
  // Nearly all lines are those we wrote: one look-up settles them, without parsing.
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
    // For a line that does not say when: all clones that read it on the branch must say the same.
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

/** What could not be read again, or would be too large to share, is kept aside like what cannot be read. */
function isRefusal(error: unknown): error is BdError {
  return error instanceof BdError && ['LIMIT_EXCEEDED', 'INVALID_VALUE'].includes(error.code);
}
