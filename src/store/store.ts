import { randomUUID } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import { readMachine } from '../platform/machine.ts';
import { emptyGrownLog, openDatabase } from './database.ts';
import { createCarriedLines, type CarriedLines } from './carried-lines.ts';
import { createEdgeCycles, type EdgeCycles } from './edge-cycles.ts';
import { createEdits, type Edits } from './edits.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import { createGraphQueries, type GraphQueries } from './graph-queries.ts';
import { createIssueQueries, type IssueQueries } from './issue-queries.ts';
import { createIssueStore, type IssueStore } from './issue-store.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { createReadiness } from './readiness.ts';
import { openReplica, type Replica } from './replica.ts';
import { createSettings, type Settings } from './settings.ts';
import { explainFailure } from './store-failure.ts';
import { createVersions, type Versions } from './versions.ts';

export interface Store {
  /** All or nothing, durable when it returns; calls inside one join it. */
  transaction<T>(work: () => T): T;
  readonly issues: IssueStore;
  readonly edits: Edits;
  readonly queries: IssueQueries;
  readonly graph: GraphQueries;
  readonly cycles: EdgeCycles;
  readonly events: EventLog;
  readonly versions: Versions;
  readonly outbox: Outbox;
  readonly carried: CarriedLines;
  readonly settings: Settings;
  readonly replica: Replica;
  /** Where a damaged or foreign store was put aside when this one was opened in its place. */
  readonly movedAside: string | undefined;
  /** Empties a write-ahead log that has grown; others who read the store are not waited for. */
  rest(): void;
  close(): void;
}

/** The caller holds the workspace's lock: there is one writer. */
export function openStore(path: string, { clock }: { clock: Clock }): Store {
  const { database, movedAside } = openDatabase(path, { nowMs: clock.nowMs() });
  const events = createEventLog(database, { newId: randomUUID });
  const transaction: Store['transaction'] = (work) => {
    if (database.inTransaction) return work();
    try {
      return database.transaction(work).immediate();
    } catch (error) {
      throw explainFailure(path, error);
    }
  };
  const outbox = createOutbox(database, {
    nowMs: () => clock.nowMs(),
    lastSeq: () => events.lastSeq(),
    transaction,
  });
  const settings = createSettings(database, { transaction });
  const replica = openReplica(settings, { path, machine: readMachine() });
  const readiness = createReadiness(database);
  const cycles = createEdgeCycles(database, { settings, readiness, transaction });
  const versions = createVersions(database);
  const issues = createIssueStore(database, {
    events,
    outbox,
    versions,
    readiness,
    cycles,
    replica,
  });
  return {
    transaction,
    issues,
    edits: createEdits({ issues, replica }),
    queries: createIssueQueries(database),
    graph: createGraphQueries(database),
    cycles,
    versions,
    carried: createCarriedLines(database),
    replica,
    events,
    outbox,
    settings,
    movedAside,
    rest: () => emptyGrownLog(database),
    close: () => void database.close(),
  };
}
