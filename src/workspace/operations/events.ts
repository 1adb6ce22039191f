import { BdError } from '../../core/errors.ts';
import { formatOffset, parseOffset } from '../../core/event-offset.ts';
import { timestampAt } from '../../core/timestamp.ts';
import type { StoredEvent } from '../../protocol/methods/workspace.ts';
import { RESET_SEQ, type EventLog, type LoggedEvent } from '../../store/event-log.ts';
import type { Workspace } from '../workspace.ts';
import type { Operations } from './operation.ts';

const EVENTS_DEFAULT = 100;

export const eventOperations: Operations<'read_events', Pick<Workspace, 'store'>> = {
  read_events({ store: { events } }, { after, limit = EVENTS_DEFAULT }) {
    const generation = events.generation();
    const position = positionOf(after, events);
    const isWhole = position < RESET_SEQ;
    const rows = events.read({ after: position, limit: isWhole ? limit - 1 : limit });
    const found = isWhole ? [resetOf(generation), ...rows] : rows;
    const last = found.at(-1)?.seq ?? position;
    return {
      events: found.map((event) => toStored(event, generation)),
      next: typeof after === 'number' ? last : formatOffset({ generation, seq: last }),
    };
  },
};

/** The number of the event after which to read. */
function positionOf(after: string | number | undefined, events: EventLog): number {
  const start = events.start();
  if (after === undefined) return start;
  if (typeof after === 'string') {
    const { generation, seq } = parseOffset(after);
    const end = Math.max(RESET_SEQ, events.lastSeq());
    if (generation === events.generation() && seq >= start && seq <= end) return seq;
  } else if (after <= 0 || after >= start) {
    // As protocol 1 knows it: 0 is the beginning, there is no `reset`, and a log that began anew goes unnoticed.
    return Math.max(RESET_SEQ, start, after);
  }
  const first = formatOffset({ generation: events.generation(), seq: start });
  throw new BdError('OFFSET_GONE', {
    message: `the events after ${after} are not kept any more, or the store was rebuilt since`,
    remedy: `Look at the issues anew, then read events after ${first}, the first offset left.`,
    details: { first },
  });
}

function toStored(
  { created_ms: createdMs, ...event }: LoggedEvent,
  generation: number,
): StoredEvent {
  const offset = formatOffset({ generation, seq: event.seq });
  return { offset, ...event, created_at: timestampAt(createdMs) };
}

/** What was read of an earlier log tells nothing about this one. */
function resetOf(generation: number): LoggedEvent {
  return {
    seq: RESET_SEQ,
    id: `reset-${generation}`,
    issue_id: '',
    kind: 'reset',
    actor: '',
    origin: 'local',
    created_ms: generation,
    data: {},
  };
}
