import type { SharingState, SyncStatus } from '../core/sharing.ts';
import { timestampAt } from '../core/timestamp.ts';
import type { Pending } from '../store/outbox.ts';
import type { Losses } from './conflict-events.ts';
import type { MovedIssue } from './id-move.ts';
import type { LineProblem } from './reconcile.ts';
import type { SyncFailure } from './sync-failure.ts';
import { currentFailure, type SyncState } from './sync-state.ts';

/** The word for where things stand; a failure is shown until a cycle ends well. */
export function syncStateName(
  state: SyncState,
  {
    pending,
    push,
    isByHand = false,
    failure = currentFailure(state),
  }: { pending: number; push: boolean; isByHand?: boolean; failure?: SyncFailure | undefined },
): SharingState {
  if (failure !== undefined) return failure.kind;
  if (isByHand) return 'by_hand';
  if (state.cycle.kind === 'absent') return 'no_remote';
  if (!push) return 'off';
  if (state.lastEnd === 'no_remote') return 'no_remote';
  return pending > 0 ? 'pending' : 'ok';
}

export function syncStatus(
  state: SyncState,
  {
    pending,
    push,
    isByHand,
    failure = currentFailure(state),
    nowMs,
    lastOkMs,
    remote,
  }: {
    pending: Pending;
    push: boolean;
    isByHand: boolean;
    failure?: SyncFailure | undefined;
    nowMs: number;
    lastOkMs: number | undefined;
    remote: string | undefined;
  },
): SyncStatus {
  const { count, oldestMs } = pending;
  return {
    state: syncStateName(state, { pending: count, push, isByHand, failure }),
    pending: count,
    oldest_pending_s:
      oldestMs === undefined ? null : Math.max(0, Math.round((nowMs - oldestMs) / 1000)),
    last_ok: lastOkMs === undefined ? null : timestampAt(lastOkMs),
    remote: remote ?? null,
    error: failure?.message ?? null,
    remedy: failure?.remedy ?? null,
  };
}

/** What taking in lines brought that people should hear of. */
export interface JoinNews extends Losses {
  /** Lines that could not be read; `quarantine` is the file that keeps them. */
  problems: LineProblem[];
  quarantine: string | undefined;
  moved: MovedIssue[];
}

/** In one line; undefined when there is nothing to say. */
export function joinNotice(source: string, news: JoinNews): string | undefined {
  const parts = [quarantineNotice(source, news), ...joinSentences(news)].filter(
    (part) => part !== undefined,
  );
  return parts.length === 0 ? undefined : parts.join('; ');
}

/** One each, for what the joined issues brought; what could not be read is told by its file. */
export function joinSentences({
  moved,
  lostClaims,
  doubled,
}: Pick<JoinNews, 'moved' | 'lostClaims' | 'doubled'>): string[] {
  return [
    ...moved.map(({ from, to }) => `${from} was created twice; the later one is ${to} now`),
    ...lostClaims.map(
      ({ issueId, winner, loser }) => `${winner} had claimed ${issueId} before ${loser}`,
    ),
    ...doubled.map((id) => `${id} was written by two copies of one clone; both versions are kept`),
  ];
}

function quarantineNotice(source: string, { problems, quarantine }: JoinNews): string | undefined {
  const [first] = problems;
  if (first === undefined) return undefined;
  const count = problems.length === 1 ? '1 line' : `${problems.length} lines`;
  return `${count} of ${source} could not be read (line ${first.line}: ${first.problem}) and are kept in ${quarantine ?? 'the quarantine'}`;
}
