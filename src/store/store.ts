import { randomUUID } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import { readMachine } from '../platform/machine.ts';
import { createAnswers, type Answers } from './idempotency.ts';
import { openDatabase } from './database.ts';
import { createCarriedLines, type CarriedLines } from './carried-lines.ts';
import { createEdgeCycles, type EdgeCycles } from './edge-cycles.ts';
import { createEdits, type Edits } from './edits.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import { createGraphQueries, type GraphQueries } from './graph-queries.ts';
import { guardDatabase, type GuardedDatabase } from './guarded-database.ts';
import { createIssueQueries, type IssueQueries } from './issue-queries.ts';
import { createIssueStore, type IssueStore } from './issue-store.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { noteProject } from './project.ts';
import { createReadiness } from './readiness.ts';
import { openReplica, type Replica } from './replica.ts';
import { createSettings, type Settings } from './settings.ts';
import { createVersions, type Versions } from './versions.ts';

/** All that a clone knows of a project's issues. */
export interface Store extends GuardedDatabase {
  readonly issues: IssueStore;
  readonly edits: Edits;
  readonly queries: IssueQueries;
  readonly graph: GraphQueries;
  readonly cycles: EdgeCycles;
  readonly events: EventLog;
  readonly versions: Versions;
  readonly outbox: Outbox;
  readonly carried: CarriedLines;
  readonly answers: Answers;
  readonly settings: Settings;
  readonly replica: Replica;
  /** Where a damaged or foreign store was put aside when this one was opened in its place. */
  readonly movedAside: string | undefined;
}

export interface StoreOptions {
  clock: Clock;
  /** Whose issues it holds; undefined where that is not known yet. */
  projectId?: string | undefined;
}

/** The caller holds the workspace's lock: there is one writer. */
export function openStore(path: string, { clock, projectId }: StoreOptions): Store {
  const opened = openDatabase(path, { nowMs: clock.nowMs(), projectId });
  const { database, movedAside } = opened;
  const guarded = guardDatabase(opened, { clock });
  const { transaction } = guarded;
  const events = createEventLog(database, { newId: randomUUID });
  const outbox = createOutbox(database, {
    nowMs: () => clock.nowMs(),
    lastSeq: () => events.lastSeq(),
    transaction,
  });
  const settings = createSettings(database, { transaction });
  if (projectId !== undefined) noteProject(settings, projectId);
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
    ...guarded,
    issues,
    edits: createEdits({ issues, replica }),
    queries: createIssueQueries(database),
    graph: createGraphQueries(database),
    cycles,
    versions,
    carried: createCarriedLines(database),
    answers: createAnswers(database),
    replica,
    events,
    outbox,
    settings,
    movedAside,
  };
}
