import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
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

/** The numbers of the events that a commit added: those after `from`, up to `to`. */
export interface Commit {
  from: number;
  to: number;
}

/** All that a clone knows of a project's issues. */
export interface Store extends GuardedDatabase {
  /**
   * The one way to write: all or nothing, durable when it returns. Calls inside one join it. The edges that
   * count are decided before the commit, and listeners are called after it.
   */
  readonly transaction: <T>(work: () => T) => T;
  /**
   * The same for much at once: a transaction for each slice, and a turn for other requests after it. Edges are
   * decided, and listeners called, once at the end.
   */
  readonly writeSlices: <T>(slices: Iterable<T>, write: (slice: T) => void) => Promise<void>;
  /** Calls the listener after each commit that added events. */
  onCommit(listener: (commit: Commit) => void): void;
  /** The same store; `guard` is called before each of its transactions, and throws where nothing may be written. */
  guardedBy(guard: () => void): Store;
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
  const listeners: ((commit: Commit) => void)[] = [];
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
  const announce = ({ from, to }: Commit): void => {
    if (to > from) for (const listener of listeners) listener({ from, to });
  };
  const writes = (guard: () => void): Pick<Store, 'transaction' | 'writeSlices' | 'settings'> => {
    const write: Store['transaction'] = (work) => {
      if (database.inTransaction) return work();
      guard();
      const commit = { from: 0, to: 0 };
      const result = transaction(() => {
        commit.from = events.lastSeq();
        const done = work();
        if (events.lastSeq() > commit.from) cycles.settle();
        commit.to = events.lastSeq();
        return done;
      });
      announce(commit);
      return result;
    };
    return {
      transaction: write,
      async writeSlices(slices, writeSlice) {
        const commit: Commit = { from: Infinity, to: 0 };
        try {
          for (const slice of slices) {
            guard();
            transaction(() => {
              commit.from = Math.min(commit.from, events.lastSeq());
              writeSlice(slice);
              commit.to = events.lastSeq();
            });
            await setImmediate();
          }
          cycles.settle();
        } finally {
          announce(commit);
        }
      },
      settings: createSettings(database, { transaction: write }),
    };
  };
  const store: Store = {
    ...guarded,
    ...writes(() => {}),
    onCommit: (listener) => void listeners.push(listener),
    guardedBy: (guard) => ({ ...store, ...writes(guard) }),
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
    movedAside,
  };
  return store;
}
