import { randomUUID } from 'node:crypto';
import { BdError } from '../core/errors.ts';
import { WAL_BYTES_MAX, WAL_REST_BYTES_MAX } from '../core/limits.ts';
import type { Clock } from '../platform/clock.ts';
import { readMachine } from '../platform/machine.ts';
import { createAnswers, type Answers } from './answers.ts';
import { emptyLog, openDatabase } from './database.ts';
import { createCarriedLines, type CarriedLines } from './carried-lines.ts';
import { createEdgeCycles, type EdgeCycles } from './edge-cycles.ts';
import { createEdits, type Edits } from './edits.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import { createGraphQueries, type GraphQueries } from './graph-queries.ts';
import { createIssueQueries, type IssueQueries } from './issue-queries.ts';
import { createIssueStore, type IssueStore } from './issue-store.ts';
import { createLeadership } from './leadership.ts';
import { asidePath, logBytes, separateFromLog, moveAside, watchOpenFiles } from './open-files.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { createPatience } from './patience.ts';
import { createReadiness } from './readiness.ts';
import { openReplica, type Replica } from './replica.ts';
import { createSettings, type Settings } from './settings.ts';
import { explainFailure, isDamage } from './store-failure.ts';
import { createVersions, type Versions } from './versions.ts';

/**
 * `ours`: to be read and written. `replaced`: another file is in its place; what is open here is whole, and
 * worth showing. `overtaken`: another process leads. `broken`: what is in it cannot be believed.
 */
export type StoreStanding = 'ours' | 'replaced' | 'overtaken' | 'broken';

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
  readonly answers: Answers;
  readonly settings: Settings;
  readonly replica: Replica;
  /** Where a damaged or foreign store was put aside when this one was opened in its place. */
  readonly movedAside: string | undefined;
  /** Empties a write-ahead log that has grown; others who read the store are not waited for. */
  rest(): void;
  /** Asked before each write, and before anything is shown to others. */
  standing(): StoreStanding;
  /** What a failure means for people; one that tells of damage ends the belief in what is read here. */
  explain(error: unknown): unknown;
  /** Puts a broken store aside, so that the next opening makes a sound one. The caller holds the lock. */
  putAside(): void;
  close(): void;
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
  const files = watchOpenFiles(path, opened);
  const leadership = createLeadership(database);
  const patiently = createPatience(database);
  let isDamaged = false;
  const explain: Store['explain'] = (error) => {
    isDamaged ||= isDamage(error);
    return explainFailure(path, error);
  };
  const events = createEventLog(database, { newId: randomUUID });
  const shortenLog = ({ bytesMax }: { bytesMax: number }): void => {
    // The log of one file is not written into another.
    if (logBytes(path) <= bytesMax || files.standing() !== 'ours') return;
    try {
      emptyLog(database);
    } finally {
      files.noteEmptied();
    }
  };
  const keepLogShort = (): void => {
    try {
      shortenLog({ bytesMax: WAL_BYTES_MAX });
    } catch (error) {
      // What was written is durable in the log, and the next write tries again; a full disk, say.
      explain(error);
    }
  };
  const transaction: Store['transaction'] = (work) => {
    if (database.inTransaction) return work();
    if (files.standing() === 'overwritten') throw overwritten(path);
    try {
      const result = patiently(() => leadership.write(work));
      keepLogShort();
      return result;
    } catch (error) {
      throw explain(error);
    }
  };
  const outbox = createOutbox(database, {
    nowMs: () => clock.nowMs(),
    lastSeq: () => events.lastSeq(),
    transaction,
  });
  const settings = createSettings(database, { transaction });
  if (projectId !== undefined && settings.get('project_id') !== projectId) {
    settings.set('project_id', projectId);
  }
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
    answers: createAnswers(database),
    replica,
    events,
    outbox,
    settings,
    movedAside,
    rest: () => shortenLog({ bytesMax: WAL_REST_BYTES_MAX }),
    standing() {
      if (isDamaged) return 'broken';
      const found = files.standing();
      if (found === 'overwritten') return 'broken';
      try {
        return leadership.isOurs() ? found : 'overtaken';
      } catch (error) {
        explain(error);
        // Busy, say: whoever goes on will be told.
        return isDamaged ? 'broken' : found;
      }
    },
    explain,
    putAside() {
      const aside = asidePath(path, clock.nowMs());
      if (isDamaged) moveAside(path, aside);
      else if (files.standing() === 'overwritten') separateFromLog(path, aside);
    },
    close: () => void database.close(),
  };
}

function overwritten(path: string): BdError {
  return new BdError('LOCK_UNAVAILABLE', {
    message: `another program wrote into ${path} while it was open`,
    remedy: 'Run the command again: it opens what is there now.',
  });
}
