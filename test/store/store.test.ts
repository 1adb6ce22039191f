import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { restoreWrite } from '../../src/core/causal/write.ts';
import { parseIssueLine } from '../../src/core/issue-line.ts';
import type { Issue } from '../../src/core/issue.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openSqlite } from '../../src/platform/sqlite.ts';
import type { Change } from '../../src/store/event-log.ts';
import { SCHEMA_VERSION } from '../../src/store/schema.ts';
import { openStore, type Store } from '../../src/store/store.ts';

let directory: string;
let store: Store;

const path = (): string => join(directory, 'beads.db');
const change: Change = { kind: 'created', actor: 'mia', origin: 'local', atMs: 1 };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bd-store-'));
  store = openStore(path(), { clock: systemClock });
});

afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

function issue(id: string, fields: Record<string, unknown> = {}): Issue {
  const line = JSON.stringify({ title: `title of ${id}`, priority: 2, ...fields, id });
  return (parseIssueLine(line, Date.parse('2026-01-01T00:00:00Z')) as { issue: Issue }).issue;
}

function put(id: string, fields: Record<string, unknown> = {}): void {
  store.transaction(() => store.edits.put(issue(id, fields), change));
}

function restore(id: string): void {
  const restored = { ...change, kind: 'restored' } as const;
  store.transaction(() => store.edits.write(id as Issue['id'], [restoreWrite()], restored));
}

const edge = (from: string, to: string, type = 'blocks') => ({
  issue_id: from,
  depends_on_id: to,
  type,
});

const ready = (): string[] =>
  store.queries
    .select({ ready_at_ms: Date.now() }, { sort: 'id', limit: 0, nowMs: Date.now() })
    .map(({ id }) => id);

describe('records', () => {
  test('an issue is read as it was put, unknown keys included', () => {
    const original = issue('a-1', { zz_future: { a: [1] }, labels: ['x'], notes: '<&>' });
    store.transaction(() => store.edits.put(original, change));
    expect(store.issues.get('a-1')).toEqual(original);
    expect(store.issues.json('a-1')).toMatchObject({ zz_future: { a: [1] }, notes: '<&>' });
  });

  test('a change writes one event and one row of the outbox, in the same transaction', () => {
    put('a-1');
    put('a-1', { status: 'closed' });
    expect(store.events.read({ after: 0, limit: 10 }).map(({ data }) => data)).toEqual([
      {},
      { changed: ['status'], status: ['open', 'closed'] },
    ]);
    expect(store.outbox.pending()).toMatchObject({ count: 1, lastSeq: 3, ids: ['a-1'] });
    expect(() =>
      store.transaction(() => {
        store.edits.put(issue('a-2'), change);
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(store.issues.get('a-2')).toBeUndefined();
    expect(store.events.lastSeq()).toBe(3);
    expect(store.outbox.pending().count).toBe(1);
  });

  test('writing the same record again changes nothing', () => {
    put('a-1');
    put('a-1');
    expect(store.events.lastSeq()).toBe(2);
  });

  test('a change from the remote does not enter the outbox', () => {
    store.transaction(() => store.edits.put(issue('a-1'), { ...change, origin: 'remote' }));
    expect(store.outbox.pending().count).toBe(0);
    expect(store.events.lastSeq()).toBe(2);
  });

  test('the outbox keeps what changed after it was read', () => {
    put('a-1');
    const { lastSeq } = store.outbox.pending();
    put('a-1', { title: 'later' });
    put('a-2');
    expect(store.outbox.pending({ after: lastSeq }).ids).toEqual(['a-1', 'a-2']);
    store.outbox.clearThrough(lastSeq);
    expect(store.outbox.pending().ids).toEqual(['a-1', 'a-2']);
    expect([store.outbox.count(), store.outbox.count(1)]).toEqual([2, 1]);
    const { lastSeq: all } = store.outbox.pending();
    put('a-3');
    store.outbox.clearThrough(all);
    expect(store.outbox.pending().ids).toEqual(['a-3']);
  });

  test('pages are in byte order, and have every issue once', () => {
    const ids = ['x-a.2', 'x-a', 'x-a.10', 'x-B', 'x-a.1'];
    for (const id of ids) put(id);
    const seen: string[] = [];
    let page = store.issues.linesAfter('', 2);
    while (page.length > 0) {
      seen.push(...page.map(({ id }) => id));
      page = store.issues.linesAfter(seen.at(-1) ?? '', 2);
    }
    expect(seen).toEqual(['x-B', 'x-a', 'x-a.1', 'x-a.10', 'x-a.2']);

    const [first, second] = [store.issues.fileAfter('', 3), store.issues.fileAfter('x-a.1', 3)];
    expect([first?.last, second?.last, store.issues.fileAfter('x-a.2', 3)]).toEqual([
      'x-a.1',
      'x-a.2',
      undefined,
    ]);
    expect(String(first?.content) + String(second?.content)).toBe(
      seen.map((id) => `${store.issues.line(id)}\n`).join(''),
    );
  });
});

describe('ready work', () => {
  test('an issue waits for an open one and is ready when that is done', () => {
    put('a');
    put('b', { dependencies: [edge('b', 'a')] });
    expect(ready()).toEqual(['a']);
    put('a', { status: 'closed' });
    expect(ready()).toEqual(['b']);
    put('a', { status: 'in_progress' });
    expect(ready()).toEqual([]);
  });

  test('children inherit waiting from parents, whatever the order of the writes', () => {
    put('grandchild', { dependencies: [edge('grandchild', 'child', 'parent_child')] });
    put('child', { dependencies: [edge('child', 'epic', 'parent-child')] });
    put('epic', { dependencies: [edge('epic', 'blocker')] });
    expect(ready()).toEqual(['child', 'epic', 'grandchild']);
    put('blocker');
    expect(ready()).toEqual(['blocker']);
    put('blocker', { status: 'tombstone' });
    expect(ready()).toEqual(['child', 'epic', 'grandchild']);
  });

  test('a child that is moved away from a waiting parent is ready', () => {
    put('blocker');
    put('epic', { dependencies: [edge('epic', 'blocker')] });
    put('child', { dependencies: [edge('child', 'epic', 'parent-child')] });
    expect(ready()).toEqual(['blocker']);
    put('child');
    expect(ready()).toEqual(['blocker', 'child']);
  });

  test('a parent cycle from an import does not keep itself blocked', () => {
    put('blocker');
    // Before the commit: which edges count is decided there.
    store.transaction(() => {
      put('a', { dependencies: [edge('a', 'b', 'parent-child'), edge('a', 'blocker')] });
      put('b', { dependencies: [edge('b', 'a', 'parent-child')] });
      expect(ready()).toEqual(['blocker']);
      put('blocker', { status: 'closed' });
      expect(ready()).toEqual(['a', 'b']);
    });
  });

  test('edges that a stopped import left undecided are decided later, even after a failed write', async () => {
    const halves = store.writeSlices(['whole', 'stopped'], (slice) => {
      if (slice === 'stopped') throw new Error('stopped');
      put('a', { dependencies: [edge('a', 'b')] });
      put('b', { dependencies: [edge('b', 'a')] });
    });
    await expect(halves).rejects.toThrow('stopped');
    expect(store.cycles.suppressed()).toEqual([]);
    const fail = (): void =>
      store.transaction(() => {
        put('c');
        store.cycles.settle();
        throw new Error('failed');
      });
    expect(fail).toThrow('failed');
    put('d');
    expect(store.cycles.suppressed()).toHaveLength(1);
  });

  test('deferred, pinned, ephemeral, template and molecule issues are not ready work', () => {
    put('now');
    put('later', { defer_until: '2999-01-01T00:00:00Z' });
    put('past', { defer_until: '2000-01-01T00:00:00Z' });
    put('pin', { pinned: true });
    put('wisp', { ephemeral: true });
    put('tpl', { is_template: true });
    put('bd-mol-1');
    expect(ready()).toEqual(['now', 'past']);
  });

  test('after any history the column `blocked` equals a recursive query over the whole graph', () => {
    const write = randomWriter(20260301);
    for (let step = 0; step < 600; step++) {
      write();
      if (step % 20 === 0) expect(blockedColumn()).toEqual(blockedByQuery());
    }
    expect(blockedColumn()).toEqual(blockedByQuery());
    expect(blockedByQuery().length).toBeGreaterThan(0);
  });

  test('so it does after any history of bulk writes, whatever is in one slice', async () => {
    const write = randomWriter(20261129);
    for (let round = 0; round < 12; round++) {
      await store.writeSlices([1, 7, 40], (count) => {
        for (let written = 0; written < count; written++) write();
      });
      expect(blockedColumn()).toEqual(blockedByQuery());
    }
    expect(blockedByQuery().length).toBeGreaterThan(0);
  });

  /** Each call writes one of a few issues anew, with other edges and another status. */
  function randomWriter(seed: number): () => void {
    const random = generator(seed);
    const ids = Array.from({ length: 40 }, (_, index) => `i${index}`);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    return () => {
      const id = pick(ids);
      const dependencies = Array.from({ length: Math.floor(random() * 4) }, () =>
        edge(id, pick(ids), pick(['blocks', 'parent-child', 'related', 'waits-for'])),
      ).filter((candidate) => candidate.depends_on_id !== id);
      const status = pick([
        'open',
        'open',
        'in_progress',
        'closed',
        'tombstone',
        'pinned',
        'custom',
      ]);
      // A deleted issue is only brought back by an explicit write.
      if (store.issues.get(id)?.status === 'tombstone') restore(id);
      put(id, { status, dependencies });
    };
  }

  test('hybrid order: recent work by priority, then the rest by age', () => {
    const nowMs = Date.parse('2026-03-03T00:00:00Z');
    put('old-p0', { priority: 0, created_at: '2026-01-02T00:00:00Z' });
    put('older-p4', { priority: 4, created_at: '2026-01-01T00:00:00Z' });
    put('new-p3', { priority: 3, created_at: '2026-03-02T12:00:00Z' });
    put('new-p1', { priority: 1, created_at: '2026-03-02T00:00:00Z' });
    const page = (limit: number): string[] =>
      store.queries
        .select({ ready_at_ms: nowMs }, { sort: 'hybrid', limit, nowMs })
        .map(({ id }) => id);
    expect(page(0)).toEqual(['new-p1', 'new-p3', 'older-p4', 'old-p0']);
    expect(page(1)).toEqual(['new-p1']);
    expect(page(3)).toEqual(['new-p1', 'new-p3', 'older-p4']);
  });

  function blockedColumn(): string[] {
    return read('SELECT id FROM issues WHERE blocked = 1 ORDER BY id');
  }

  /** The definition itself, with none of the derived columns. */
  function blockedByQuery(): string[] {
    return read(`
      WITH RECURSIVE done (id) AS (
        SELECT id FROM issues WHERE status IN ('closed', 'tombstone', 'pinned')),
      waits (id) AS (
        SELECT d.issue_id FROM dependencies d
        JOIN issues target ON target.id = d.depends_on_id
        JOIN issues self ON self.id = d.issue_id
        WHERE d.type IN ('blocks', 'conditional-blocks', 'waits-for') AND d.suppressed = 0
          AND target.id NOT IN done AND self.id NOT IN done
        UNION
        SELECT d.issue_id FROM waits JOIN dependencies d
        ON d.depends_on_id = waits.id AND d.type = 'parent-child' AND d.suppressed = 0)
      SELECT DISTINCT waits.id FROM waits JOIN issues ON issues.id = waits.id ORDER BY 1`);
  }

  function read(sql: string): string[] {
    // `openSqlite` keeps the handle: on Node 24 a collected one ends the process.
    const database = openSqlite(path(), { isReadonly: true });
    try {
      return database.prepare<[], string>(sql).pluck().all();
    } finally {
      database.close();
    }
  }
});

describe('the file', () => {
  test('a damaged store is moved aside whole, and a new one is opened', () => {
    store.close();
    writeFileSync(path(), 'this is not a database, but a person may still want it'.repeat(100));
    store = openStore(path(), { clock: systemClock });
    expect(store.issues.count()).toBe(0);
    expect(store.movedAside).toMatch(/beads\.db-aside-\d+$/);
    expect(readdirSync(directory).some((name) => name.includes('aside'))).toBe(true);
  });

  test('a store of another tool is moved aside whole', () => {
    store.close();
    rmSync(path());
    const foreign = new BetterSqlite3(path());
    foreign.exec("CREATE TABLE issues (id TEXT); INSERT INTO issues VALUES ('bd-1')");
    foreign.close();
    store = openStore(path(), { clock: systemClock });
    expect(store.issues.count()).toBe(0);
    const aside = new BetterSqlite3(store.movedAside ?? '', { readonly: true });
    expect(aside.prepare('SELECT id FROM issues').pluck().all()).toEqual(['bd-1']);
    aside.close();
  });

  test('the store of a newer bd is refused and left unchanged', () => {
    put('a-1');
    store.close();
    const database = new BetterSqlite3(path());
    database.pragma('user_version = 999');
    database.close();
    expect(() => openStore(path(), { clock: systemClock })).toThrow('has schema 999');
    const again = new BetterSqlite3(path());
    expect(again.prepare('SELECT count(*) AS n FROM issues').get()).toEqual({ n: 1 });
    again.pragma(`user_version = ${SCHEMA_VERSION}`);
    again.close();
    store = openStore(path(), { clock: systemClock });
  });
});

/** mulberry32: the same history in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}
