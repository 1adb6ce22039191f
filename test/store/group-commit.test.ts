import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BdError } from '../../src/core/errors.ts';
import { parseIssueLine } from '../../src/core/issue-line.ts';
import type { Issue } from '../../src/core/issue.ts';
import { WRITES_PER_COMMIT_MAX } from '../../src/core/limits.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openSqlite, type Database } from '../../src/platform/sqlite.ts';
import type { Change } from '../../src/store/event-log.ts';
import { openStore, type Commit, type Store } from '../../src/store/store.ts';
import { buildProgram } from '../support/faulty-process.ts';
import type { Moment } from '../support/killed-writer.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let store: Store;
/** Another connection to the same file: it sees what is committed, and nothing else. */
let other: Database;
let commits: Commit[];

beforeEach(() => {
  temp = createTempDirectory();
  const path = join(temp.path, 'beads.db');
  store = openStore(path, { clock: systemClock });
  other = openSqlite(path);
  commits = [];
  store.onCommit((commit) => commits.push(commit));
});

afterEach(() => {
  other.close();
  store.close();
  temp[Symbol.dispose]();
});

const change: Change = { kind: 'created', actor: 'mia', origin: 'local', atMs: 1 };

function put(id: string, fields: Record<string, unknown> = {}): string {
  const parsed = parseIssueLine(JSON.stringify({ id, title: id, ...fields }), 0);
  store.edits.put((parsed as { issue: Issue }).issue, change);
  return id;
}

const refuse = (): never => {
  throw new BdError('INVALID_VALUE', { message: 'refused', remedy: 'None.' });
};

function committed(): string[] {
  return other.prepare<[], string>('SELECT id FROM issues ORDER BY id').pluck().all();
}

function outcomes(writes: readonly Promise<string>[]): Promise<unknown[]> {
  return Promise.all(
    writes.map((write) => write.catch((error: unknown) => (error as Error).message)),
  );
}

test('changes that come together share a commit, and each is answered after it', async () => {
  const seen = ['a', 'b', 'c'].map((id) => store.write(() => put(id)).then(() => committed()));
  expect(store.issues.line('a')).toBeUndefined();
  for (const ids of await Promise.all(seen)) expect(ids).toEqual(['a', 'b', 'c']);
  expect(commits).toEqual([{ from: 0, to: store.events.lastSeq() }]);
});

test('one that is refused in the middle leaves nothing behind, and fails alone', async () => {
  const writes = [
    store.write(() => put('a')),
    store.write(() => {
      put('b');
      store.answers.add('key of b', '{}');
      return refuse();
    }),
    store.write(() => {
      put('c');
      throw new Error('a bug');
    }),
    store.write(() => put('d')),
  ];
  expect(await outcomes(writes)).toEqual(['a', 'refused', 'a bug', 'd']);
  expect(committed()).toEqual(['a', 'd']);
  expect(store.answers.get('key of b')).toBeUndefined();
  expect(store.outbox.issueIds()).toEqual(['a', 'd']);
  const events = store.events.read({ after: 0, limit: 10 });
  expect(events.map(({ issue_id: id }) => id)).toEqual(['a', 'd']);
  expect(commits).toHaveLength(1);
});

test('a change sees those before it in its group', async () => {
  const writes = [
    store.write(() => put('a')),
    store.write(() => (store.issues.line('a') === undefined ? 'not seen' : 'seen')),
  ];
  expect(await outcomes(writes)).toEqual(['a', 'seen']);
});

test('edges that close a cycle are found, also when a change after them is refused', async () => {
  const edge = (from: string, to: string): Record<string, unknown> => ({
    dependencies: [{ issue_id: from, depends_on_id: to, type: 'blocks' }],
  });
  const writes = [
    store.write(() => put('a', edge('a', 'b'))),
    store.write(() => put('b', edge('b', 'a'))),
    store.write(() => {
      put('c', edge('c', 'a'));
      return refuse();
    }),
  ];
  expect(await outcomes(writes)).toEqual(['a', 'b', 'refused']);
  expect(store.cycles.suppressed()).toHaveLength(1);
});

test('a change that comes while a group is made is in the next one', async () => {
  let next: Promise<string> | undefined;
  const first = store.write(() => {
    next = store.write(() => put('b'));
    return put('a');
  });
  await first;
  expect(committed()).toEqual(['a']);
  await next;
  expect(committed()).toEqual(['a', 'b']);
});

test('no group is so large that others wait long', async () => {
  const count = 2 * WRITES_PER_COMMIT_MAX + 1;
  const ids = Array.from({ length: count }, (_, number) => `i-${number}`);
  await Promise.all(ids.map((id) => store.write(() => put(id))));
  expect(committed()).toHaveLength(count);
  const last = store.events.lastSeq();
  expect(commits.map(({ to }) => last - to)).toEqual([WRITES_PER_COMMIT_MAX + 1, 1, 0]);
});

describe('all of a group fail, and nothing of it stays,', () => {
  const three = (from: Store): Promise<unknown[]> =>
    outcomes(['a', 'b', 'c'].map((id) => from.write(() => put(id))));

  test('while another program has the store locked', async () => {
    other.exec('BEGIN IMMEDIATE');
    for (const message of await three(store)) expect(message).toContain('another program');
    other.exec('ROLLBACK');
    expect(committed()).toEqual([]);
    expect(commits).toEqual([]);
    await three(store);
    expect(committed()).toEqual(['a', 'b', 'c']);
  });

  test('when the workspace is no longer ours', async () => {
    const guarded = store.guardedBy(() => {
      throw new Error('lost');
    });
    expect(await three(guarded)).toEqual(['lost', 'lost', 'lost']);
    expect(committed()).toEqual([]);
  });

  test('when another process has taken over', async () => {
    store.state.set('imported_from', 'ours');
    const successor = openStore(join(temp.path, 'beads.db'), { clock: systemClock });
    successor.state.set('imported_from', 'theirs');
    for (const message of await three(store)) expect(message).toContain('took over');
    successor.close();
    expect(committed()).toEqual([]);
  });

  test('when SQLite refuses one of them', async () => {
    const fail = (): string => {
      put('b');
      other.exec('this is no SQL');
      return 'b';
    };
    const writes = [store.write(() => put('a')), store.write(fail), store.write(() => put('c'))];
    for (const message of await outcomes(writes)) expect(message).toContain('syntax error');
    expect(committed()).toEqual([]);
  });
});

test('whenever the process is killed, what was answered is there, and all of a group or nothing', async () => {
  const program = await buildProgram('killed-writer', temp.path);
  const killedAt = (moment: Moment): { answered: string[]; stored: string[] } => {
    const path = join(temp.path, `${moment}.db`);
    const { stdout, signal } = spawnSync(process.execPath, [program, path, moment], {
      encoding: 'utf8',
    });
    expect(signal).toBe('SIGKILL');
    const left = openStore(path, { clock: systemClock });
    const stored = left.issues.linesAfter('', 10).map(({ id }) => String(id));
    expect(left.outbox.issueIds()).toEqual(stored);
    left.close();
    return { answered: stdout.split('\n').filter(Boolean), stored };
  };
  expect(killedAt('asked')).toEqual({ answered: [], stored: [] });
  expect(killedAt('made')).toEqual({ answered: [], stored: [] });
  expect(killedAt('answered')).toEqual({ answered: ['a-1'], stored: ['a-1', 'a-2', 'a-3'] });
});
