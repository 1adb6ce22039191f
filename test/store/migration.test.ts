import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { classicPart } from '../../src/core/causal/decode-line.ts';
import { parseIssueLine } from '../../src/core/issue-line.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { initial } from '../../src/store/migrations/001-initial.ts';
import { openStore } from '../../src/store/store.ts';
import { createTempDirectory } from '../support/temp-directory.ts';

let temp: ReturnType<typeof createTempDirectory>;
const path = (name = 'beads.db'): string => join(temp.path, name);

beforeEach(() => {
  temp = createTempDirectory();
});
afterEach(() => temp[Symbol.dispose]());

const LINES = [
  '{"id":"a-1","title":"One","status":"open","priority":2,"issue_type":"task","created_at":"2026-01-01T00:00:00.123456789+11:00","updated_at":"2026-01-01T00:00:00Z","labels":["x"],"dependencies":[{"issue_id":"a-1","depends_on_id":"a-2","type":"blocks"}],"zz":{"deep":[1.50]}}',
  '{"id":"a-2","title":"Two","status":"tombstone","priority":0,"issue_type":"bug","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-02T00:00:00Z","deleted_at":"2026-01-02T00:00:00Z"}',
];

/** As the first version wrote it: classic lines, and one of them not shared yet. */
function makeOldStore(name?: string, lines: readonly string[] = LINES): void {
  const database = new BetterSqlite3(path(name));
  database.exec(initial);
  const insert = database.prepare(
    `INSERT INTO issues (id, record, status, priority, issue_type, created_ms, updated_ms,
       comment_count, pinned, off_queue, holds_up, blocked)
     SELECT line ->> '$.id', line, line ->> '$.status', line ->> '$.priority', 'task', 1, 1, 0, 0, 0, 1, 0
     FROM (SELECT ? AS line)`,
  );
  for (const line of lines) insert.run(line);
  database.exec(`
    INSERT INTO dependencies VALUES ('a-1', 'a-2', 'blocks', 1, 0);
    INSERT INTO outbox VALUES ('a-1', 1, 1);
    INSERT INTO settings VALUES ('mirror_hash', 'abc'), ('mirror_seq', '1'), ('imported_tip', 'c0');
    PRAGMA application_id = 1650746417;
    PRAGMA user_version = 1`);
  database.close();
}

test('classic records are sealed once, and show what they showed', () => {
  makeOldStore();
  for (const _opening of ['first', 'second']) {
    const store = openStore(path(), { clock: systemClock });
    const lines = store.issues.linesAfter('', 10).map(({ line }) => line);
    expect(lines.map(classicPart)).toEqual(LINES);
    expect(lines.every((line) => line.includes('"_bd":{'))).toBe(true);
    expect(store.outbox.pending().ids).toEqual(['a-1']);
    expect(store.graph.edges('a-1', 'down')).toHaveLength(1);
    expect(store.settings.get('mirror_hash')).toBeUndefined();
    expect(store.settings.get('classic_tip')).toBe('c0');
    expect(store.queries.idsInConflict()).toEqual([]);
    store.close();
  }
});

test('clones seal the same record to the same line', () => {
  makeOldStore('here.db');
  makeOldStore('there.db');
  const [here, there] = ['here.db', 'there.db'].map((name) => {
    const store = openStore(path(name), { clock: systemClock });
    const lines = store.issues.linesAfter('', 10);
    store.close();
    return lines;
  });
  expect(here).toEqual(there);
});

test('a line of a newer bd that nobody changed keeps what it knows', () => {
  const newer = openStore(path('newer.db'), { clock: systemClock });
  const classic = parseIssueLine(LINES[0] ?? '', 0);
  if ('problem' in classic) throw new Error(classic.problem);
  const change = { kind: 'updated', actor: '', origin: 'local', atMs: 0 } as const;
  newer.edits.put(classic.issue, change);
  newer.edits.put({ ...classic.issue, title: 'Edited' }, change);
  const sealed = newer.issues.linesAfter('', 1).map(({ line }) => line);
  newer.close();
  makeOldStore('beads.db', sealed);
  const store = openStore(path(), { clock: systemClock });
  expect(store.issues.linesAfter('', 1).map(({ line }) => line)).toEqual(sealed);
  store.close();
});

test('edges that closed a cycle before are decided with the next change of edges', () => {
  const edge = (from: string, to: string): string =>
    `{"id":"${from}","title":"T","status":"open","priority":2,"issue_type":"task","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","dependencies":[{"issue_id":"${from}","depends_on_id":"${to}","type":"blocks"}]}`;
  makeOldStore('beads.db', [edge('a-1', 'a-2'), edge('a-2', 'a-1')]);
  const store = openStore(path(), { clock: systemClock });
  store.cycles.settle();
  expect(store.cycles.suppressed()).toHaveLength(1);
  store.close();
});
