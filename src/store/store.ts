import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../platform/clock.ts';
import { openDatabase } from './database.ts';
import { EdgeCycles } from './edge-cycles.ts';
import { createEventLog } from './event-log.ts';
import { createGraphQueries } from './graph-queries.ts';
import { createGroupCommit } from './group-commit.ts';
import { guardDatabase } from './guarded-database.ts';
import { createAnswers } from './idempotency.ts';
import { createIssueQueries } from './issue-queries.ts';
import { createEdits, createIssueStore } from './issue-store.ts';
import { createCarriedLines, createVersions } from './lines.ts';
import { createOutbox } from './outbox.ts';
import { createReadiness } from './readiness.ts';
import { openReplica } from './replica.ts';
import { createStoreState } from './state.ts';
import { createSearchIndex } from './text-search.ts';

/** The events that a commit added: those after number `from`, up to `to`. */
export interface Commit {
  from: number;
  to: number;
}

export interface StoreOptions {
  clock: Clock;
  /** The project whose issues it holds; undefined where that is not known yet. */
  projectId?: string | undefined;
}

type Parts = ReturnType<typeof openParts>;
type Writes = ReturnType<typeof createWrites>;

/** All that a clone knows of a project's issues. */
export interface Store extends Omit<Parts, 'database' | 'commit' | 'savepoint'>, Writes {
  /** Calls the listener after each commit that added events; returns what stops that. */
  onCommit(listener: (commit: Commit) => void): () => void;
  /** The same store; `guard` is called before each transaction, and throws where nothing may be written. */
  guardedBy(guard: () => void): Store;
}

/** The caller holds the workspace's lock: there is one writer. */
export function openStore(path: string, options: StoreOptions): Store {
  const { database, commit, savepoint, ...parts } = openParts(path, options);
  const listeners = new Set<(commit: Commit) => void>();
  const announce = ({ from, to }: Commit): void => {
    if (to > from) for (const listener of listeners) listener({ from, to });
  };
  const writes = (guard: () => void): Writes =>
    createWrites({ database, commit, savepoint, ...parts }, { guard, announce });
  const store: Store = {
    ...parts,
    ...writes(() => {}),
    onCommit(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    guardedBy: (guard) => ({ ...store, ...writes(guard) }),
  };
  return store;
}

function openParts(path: string, { clock, projectId }: StoreOptions) {
  const nowMs = (): number => clock.nowMs();
  const opened = openDatabase(path, { nowMs: nowMs(), projectId });
  const { database, movedAside, formerGeneration } = opened;
  const { transaction, ...guarded } = guardDatabase(opened, { clock });
  const state = createStoreState(database, { transaction });
  const replica = openReplica(state, { path, nowMs, formerGeneration });
  if (projectId !== undefined && state.get('project_id') !== projectId) {
    state.set('project_id', projectId);
  }
  const events = createEventLog(database, { state });
  const outbox = createOutbox(database, { nowMs, lastSeq: events.lastSeq, transaction });
  const readiness = createReadiness(database);
  const cycles = new EdgeCycles(database, { state, readiness, transaction });
  const versions = createVersions(database);
  const around = { events, outbox, versions, readiness, cycles, replica };
  const issues = createIssueStore(database, around);
  const undoable = <T>(write: () => T): T => {
    try {
      return write();
    } catch (error) {
      cycles.rolledBack();
      throw error;
    }
  };
  const nested = database.transaction((work: () => unknown) => work());
  return {
    ...guarded,
    database,
    /** One outermost transaction, without the guard. */
    commit: <T>(work: () => T): T => undoable(() => transaction(work)),
    /** A part of a transaction that is undone when it throws. */
    savepoint: (work: () => unknown): unknown => undoable(() => nested(work)),
    issues,
    edits: createEdits({ issues, replica }),
    queries: createIssueQueries(database),
    search: createSearchIndex(database, { transaction }),
    graph: createGraphQueries(database),
    cycles,
    readiness,
    versions,
    carried: createCarriedLines(database),
    answers: createAnswers(database),
    replica,
    events,
    outbox,
    /** Where an unusable store was moved to when this one was opened in its place. */
    movedAside,
  };
}

/** The ways to write a store. */
function createWrites(
  { database, commit, savepoint, events, cycles, readiness }: Parts,
  { guard, announce }: { guard: () => void; announce: (commit: Commit) => void },
) {
  const transaction = <T>(work: () => T): T => {
    if (database.inTransaction) return work();
    guard();
    const added = { from: 0, to: 0 };
    const result = commit(() => {
      added.from = events.lastSeq();
      const done = work();
      if (events.lastSeq() > added.from) cycles.settle();
      added.to = events.lastSeq();
      return done;
    });
    announce(added);
    return result;
  };
  return {
    /**
     * All or nothing, durable when it returns. Calls inside one join it. The edges that count are decided before
     * the commit, and listeners are called after it.
     */
    transaction,
    /** The same for a change that someone waits for: those that come together share a commit, and each fails alone. */
    ...createGroupCommit({ transaction, savepoint }),
    /**
     * The same for bulk writes: a transaction for each slice, and a turn for other requests after it. What is
     * ready is decided at the end of each slice, which edges count at the end of all, where listeners are called.
     */
    async writeSlices<T>(slices: Iterable<T>, write: (slice: T) => void): Promise<void> {
      const added: Commit = { from: Infinity, to: 0 };
      try {
        for (const slice of slices) {
          guard();
          commit(() => {
            added.from = Math.min(added.from, events.lastSeq());
            readiness.together(() => write(slice));
            added.to = events.lastSeq();
          });
          await setImmediate();
        }
        cycles.settle();
      } finally {
        announce(added);
      }
    },
    state: createStoreState(database, { transaction }),
  };
}
