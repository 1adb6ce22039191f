import { randomUUID } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import { openDatabase } from './database.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import { createGraphQueries, type GraphQueries } from './graph-queries.ts';
import { createIssueQueries, type IssueQueries } from './issue-queries.ts';
import { createIssueStore, type IssueStore } from './issue-store.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { createSettings, type Settings } from './settings.ts';

export interface Store {
  /** All or nothing, durable when it returns; calls inside one join it. */
  transaction<T>(work: () => T): T;
  readonly issues: IssueStore;
  readonly queries: IssueQueries;
  readonly graph: GraphQueries;
  readonly events: EventLog;
  readonly outbox: Outbox;
  readonly settings: Settings;
  /** Where a damaged or foreign store was put aside when this one was opened in its place. */
  readonly movedAside: string | undefined;
  close(): void;
}

/** The caller holds the workspace's lock: there is one writer. */
export function openStore(path: string, { clock }: { clock: Clock }): Store {
  const { database, movedAside } = openDatabase(path, { nowMs: clock.nowMs() });
  const events = createEventLog(database, { newId: randomUUID });
  const outbox = createOutbox(database, {
    nowMs: () => clock.nowMs(),
    lastSeq: () => events.lastSeq(),
  });
  return {
    transaction: (work) =>
      database.inTransaction ? work() : database.transaction(work).immediate(),
    issues: createIssueStore(database, { events, outbox }),
    queries: createIssueQueries(database),
    graph: createGraphQueries(database),
    events,
    outbox,
    settings: createSettings(database),
    movedAside,
    close: () => void database.close(),
  };
}
