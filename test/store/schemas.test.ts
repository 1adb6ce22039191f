import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { classicPart } from '../../src/core/causal/decode-line.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { keepDatabase } from '../../src/platform/sqlite-handles.ts';
import { copyPath, SCHEMA_VERSION } from '../../src/store/upgrade.ts';
import { openStore } from '../../src/store/store.ts';
import { buildProgram } from '../support/faulty-process.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

/** What a program of that schema showed when it made the store. */
interface Golden {
  schema: number;
  /** Without `_bd`. */
  lines: string[];
  ready: string[];
  blocked: string[];
  pending: string[];
  events: number;
  carried: number;
}

const FIXTURES = join(import.meta.dirname, 'fixtures');
const SCHEMAS = Array.from({ length: SCHEMA_VERSION }, (_, index) => index + 1);
const EARLIER = SCHEMAS.slice(0, -1);
const fixture = (schema: number, kind: 'db' | 'json'): string =>
  join(FIXTURES, `schema-${schema}.${kind}`);
const goldenOf = (schema: number): Golden =>
  JSON.parse(readFileSync(fixture(schema, 'json'), 'utf8')) as Golden;

let temp: TempDirectory;
let path: string;
beforeEach(() => {
  temp = createTempDirectory();
  path = join(temp.path, 'beads.db');
});
afterEach(() => temp[Symbol.dispose]());

function shown(): Omit<Golden, 'schema'> {
  const store = openStore(path, { clock: systemClock });
  try {
    expect(store.movedAside).toBeUndefined();
    const idsWith = (blocked: boolean): string[] =>
      readIds(`SELECT id FROM issues WHERE blocked = ${Number(blocked)}
        AND ${blocked ? "status NOT IN ('closed', 'tombstone')" : "status = 'open' AND off_queue = 0"}`);
    return {
      lines: store.issues.linesAfter('', 100).map(({ line }) => classicPart(line)),
      ready: idsWith(false),
      blocked: idsWith(true),
      pending: store.outbox.issueIds().toSorted(),
      events: store.events.lastSeq(),
      carried: store.carried.all().length,
    };
  } finally {
    store.close();
  }
}

/** Kept: on Node 24 a handle that is collected ends the process. */
function readFrom<T>(file: string, read: (database: BetterSqlite3.Database) => T): T {
  const database = keepDatabase(new BetterSqlite3(file));
  try {
    return read(database);
  } finally {
    database.close();
  }
}

const readIds = (sql: string): string[] =>
  readFrom(path, (database) => database.prepare<[], string>(`${sql} ORDER BY id`).pluck().all());

const schemaOf = (file: string): unknown =>
  readFrom(file, (database) => database.prepare('PRAGMA user_version').pluck().get());

test('a store of every schema is kept', () => {
  const missing = SCHEMAS.filter((schema) => !existsSync(fixture(schema, 'db')));
  const advice =
    'build the last commit of that schema; test/store/fixtures/make-fixture.mjs says how';
  expect(missing, advice).toEqual([]);
});

describe.each(SCHEMAS)('a store of schema %i', (schema) => {
  beforeEach(() => copyFileSync(fixture(schema, 'db'), path));

  test('shows what it showed, and goes on from there', () => {
    const { schema: made, ...golden } = goldenOf(schema);
    expect(made).toBe(schema);
    expect(shown()).toEqual(golden);
    expect(schemaOf(path)).toBe(SCHEMA_VERSION);
    expect(shown(), 'opened again').toEqual(golden);
  });
});

describe.each(EARLIER)('a store of schema %i that is upgraded', (schema) => {
  beforeEach(() => copyFileSync(fixture(schema, 'db'), path));

  test('lies beside it as it was, instead of the one before', () => {
    writeFileSync(copyPath(path, 0), 'an earlier one');
    writeFileSync(join(temp.path, '.beads.db-schema.cut-off.tmp'), 'half');
    shown();
    const copy = copyPath(path, schema);
    expect(readdirSync(temp.path).toSorted()).toEqual(['beads.db', `beads.db-schema-${schema}`]);
    expect(schemaOf(copy)).toBe(schema);
    const records = (file: string): unknown =>
      readFrom(file, (database) => database.prepare('SELECT id, record FROM issues').all());
    expect(records(copy)).toEqual(records(fixture(schema, 'db')));
  });
});

describe('an upgrade that is killed', () => {
  let build: TempDirectory;
  let program: string;
  beforeAll(async () => {
    build = createTempDirectory();
    program = await buildProgram('open-store', build.path);
  });
  afterAll(() => build[Symbol.dispose]());

  test('before any of its statements leaves the old store or the new one', () => {
    const { schema: _schema, ...golden } = goldenOf(1);
    const run = (dieAt: number) =>
      spawnSync(process.execPath, [program, path, String(dieAt)], { encoding: 'utf8' });
    copyFileSync(fixture(1, 'db'), path);
    const statements = Number(run(0).stdout);
    expect(statements).toBeGreaterThan(20);
    const found = new Set<unknown>();
    for (let dieAt = 1; dieAt <= statements; dieAt++) {
      for (const name of readdirSync(temp.path)) rmSync(join(temp.path, name));
      copyFileSync(fixture(1, 'db'), path);
      expect(run(dieAt).signal).toBe('SIGKILL');
      found.add(schemaOf(path));
      expect(shown(), `killed at ${dieAt}`).toEqual(golden);
    }
    expect([...found]).toEqual([1, SCHEMA_VERSION]);
  }, 120_000);
});

test('one that cannot be done leaves the store as it was', () => {
  copyFileSync(fixture(1, 'db'), path);
  // What a later step makes is there already.
  readFrom(path, (database) => database.exec('CREATE TABLE carried_lines (line)'));
  const before = readFrom(path, (database) => database.prepare('SELECT * FROM issues').all());
  expect(() => openStore(path, { clock: systemClock })).toThrow('carried_lines already exists');
  expect(schemaOf(path)).toBe(1);
  expect(readFrom(path, (database) => database.prepare('SELECT * FROM issues').all())).toEqual(
    before,
  );
});

test('a record that cannot be read has the store put aside whole, and built anew', () => {
  copyFileSync(fixture(1, 'db'), path);
  readFrom(path, (database) =>
    database.exec(
      `UPDATE issues SET record = json_set(record, '$.title', 7) WHERE status = 'closed'`,
    ),
  );
  const store = openStore(path, { clock: systemClock });
  expect(store.issues.count()).toBe(0);
  store.close();
  expect(schemaOf(store.movedAside ?? '')).toBe(1);
});

test('a store of a newer bd is refused, and not a byte of it changed', () => {
  copyFileSync(fixture(1, 'db'), path);
  readFrom(path, (database) => database.exec('PRAGMA user_version = 999'));
  const before = { content: readFileSync(path), ms: statSync(path).mtimeMs };
  for (const _time of [1, 2]) {
    expect(() => openStore(path, { clock: systemClock })).toThrow(
      expect.objectContaining({
        code: 'STORE_UNUSABLE',
        message: expect.stringContaining('has schema 999'),
        remedy: expect.stringContaining('Upgrade bd'),
      }),
    );
  }
  expect(readFileSync(path).equals(before.content)).toBe(true);
  expect(statSync(path).mtimeMs).toBe(before.ms);
  expect(readdirSync(temp.path)).toEqual(['beads.db']);
});
