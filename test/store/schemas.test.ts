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
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { classicPart } from '../../src/core/causal/decode-line.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openSqlite, type Database } from '../../src/platform/sqlite.ts';
import { openDatabase, type OpenedDatabase } from '../../src/store/database.ts';
import { APPLICATION_ID, BASELINE, copyPath, SCHEMA_VERSION } from '../../src/store/schema.ts';
import type { SchemaStep } from '../../src/store/schema-steps.ts';
import { DamagedStore } from '../../src/store/store-failure.ts';
import { openStore } from '../../src/store/store.ts';
import { buildProgram } from '../support/faulty-process.ts';
import { LATER_STEPS } from '../support/schema-steps.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

/** What the program that made the store showed of it. */
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
const SCHEMAS = Array.from(
  { length: SCHEMA_VERSION - BASELINE + 1 },
  (_, index) => BASELINE + index,
);
const LATER = BASELINE + LATER_STEPS.length;
const fixture = (schema: number, kind: 'db' | 'json'): string =>
  join(FIXTURES, `schema-${schema}.${kind}`);

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
      readFrom(path, (database) =>
        database
          .prepare<[], string>(
            `SELECT id FROM issues WHERE blocked = ${Number(blocked)}
             AND ${blocked ? "status NOT IN ('closed', 'tombstone')" : "status = 'open' AND off_queue = 0"}
             ORDER BY id`,
          )
          .pluck()
          .all(),
      );
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

function readFrom<T>(file: string, read: (database: Database) => T): T {
  const database = openSqlite(file);
  try {
    return read(database);
  } finally {
    database.close();
  }
}

const schemaOf = (file: string): unknown =>
  readFrom(file, (database) => database.prepare('PRAGMA user_version').pluck().get());

const recordsIn = (file: string): unknown =>
  readFrom(file, (database) => database.prepare('SELECT id, record FROM issues').all());

/** Opens and closes the store as a bd with more steps does. */
function upgrade(steps: readonly SchemaStep[] = LATER_STEPS): OpenedDatabase {
  const opened = openDatabase(path, { nowMs: Date.now(), projectId: undefined, steps });
  opened.database.close();
  return opened;
}

test('there is a fixture for every schema', () => {
  const missing = SCHEMAS.filter((schema) => !existsSync(fixture(schema, 'db')));
  const advice =
    'build the last commit of that schema; test/store/fixtures/make-fixture.mjs says how';
  expect(missing, advice).toEqual([]);
});

describe.each(SCHEMAS)('a store of schema %i', (schema) => {
  test('shows the same issues, events and outbox after it is opened', () => {
    copyFileSync(fixture(schema, 'db'), path);
    const { schema: made, ...golden } = JSON.parse(
      readFileSync(fixture(schema, 'json'), 'utf8'),
    ) as Golden;
    expect(made).toBe(schema);
    expect(shown()).toEqual(golden);
    expect(schemaOf(path)).toBe(SCHEMA_VERSION);
    expect(shown(), 'opened again').toEqual(golden);
  });
});

describe('an upgraded store', () => {
  beforeEach(() => copyFileSync(fixture(BASELINE, 'db'), path));

  test('has all of its issues, and the tables that the steps made', () => {
    upgrade();
    expect(schemaOf(path)).toBe(LATER);
    expect(recordsIn(path)).toEqual(recordsIn(fixture(BASELINE, 'db')));
    const wrong = `SELECT count(*) FROM issues LEFT JOIN lengths ON issue_id = id
      WHERE lengths.title IS NOT length(record ->> '$.title')`;
    expect(readFrom(path, (database) => database.prepare(wrong).pluck().get())).toBe(0);
  });

  test('leaves a copy of its former self, which replaces the previous copy', () => {
    writeFileSync(copyPath(path, 0), 'an earlier one');
    writeFileSync(join(temp.path, '.beads.db-schema.cut-off.tmp'), 'half');
    upgrade();
    const copy = copyPath(path, BASELINE);
    expect(readdirSync(temp.path).toSorted()).toEqual(['beads.db', `beads.db-schema-${BASELINE}`]);
    expect(schemaOf(copy)).toBe(BASELINE);
    expect(recordsIn(copy)).toEqual(recordsIn(fixture(BASELINE, 'db')));
  });

  test('ends the leadership of a process that has it open', () => {
    const former = openStore(path, { clock: systemClock });
    former.state.set('written_tip', 'a');
    upgrade();
    expect(former.standing()).toBe('lost');
    expect(() => former.state.set('written_tip', 'b')).toThrow('another process took over');
    former.close();
  });

  test('is unchanged if a step fails', () => {
    const impossible: SchemaStep = (database) => database.exec('CREATE TABLE issues (id)');
    expect(() => upgrade([...LATER_STEPS, impossible])).toThrow('issues already exists');
    expect(schemaOf(path)).toBe(BASELINE);
    expect(recordsIn(path)).toEqual(recordsIn(fixture(BASELINE, 'db')));
    const made = "SELECT name FROM sqlite_schema WHERE name = 'lengths'";
    expect(readFrom(path, (database) => database.prepare(made).all())).toEqual([]);
  });

  test('is moved aside whole, and built anew, if a step finds an unreadable record', () => {
    let isFound = false;
    const finding: SchemaStep = () => {
      if (isFound) return;
      isFound = true;
      throw new DamagedStore('a record');
    };
    const { movedAside = '' } = upgrade([finding]);
    expect(recordsIn(path)).toEqual([]);
    expect(schemaOf(path)).toBe(BASELINE + 1);
    expect(recordsIn(movedAside)).toEqual(recordsIn(fixture(BASELINE, 'db')));
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

  test('before any of its statements leaves either the old store or the new one', () => {
    const records = recordsIn(fixture(BASELINE, 'db'));
    const run = (dieAt: number) =>
      spawnSync(process.execPath, [program, path, String(dieAt)], { encoding: 'utf8' });
    copyFileSync(fixture(BASELINE, 'db'), path);
    const statements = Number(run(0).stdout);
    expect(statements).toBeGreaterThan(12);
    const found = new Set<unknown>();
    for (let dieAt = 1; dieAt <= statements; dieAt++) {
      for (const name of readdirSync(temp.path)) rmSync(join(temp.path, name));
      copyFileSync(fixture(BASELINE, 'db'), path);
      expect(run(dieAt).signal).toBe('SIGKILL');
      found.add(schemaOf(path));
      expect(upgrade().movedAside, `killed at ${dieAt}`).toBeUndefined();
      expect(recordsIn(path), `killed at ${dieAt}`).toEqual(records);
      expect(schemaOf(path)).toBe(LATER);
    }
    expect([...found]).toEqual([BASELINE, LATER]);
  }, 120_000);
});

test.each([1, 2, 3, 4])(
  'a store of schema %i, from before the first release, is moved aside whole',
  (schema) => {
    const former = openSqlite(path);
    former.exec(`CREATE TABLE issues (id TEXT, record TEXT);
      INSERT INTO issues VALUES ('t-old', '{}');
      PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${schema}`);
    former.close();
    const before = readFileSync(path);
    const store = openStore(path, { clock: systemClock });
    expect(store.issues.count()).toBe(0);
    store.close();
    expect(store.movedAside).toMatch(/beads\.db-aside-\d+$/);
    expect(readFileSync(store.movedAside ?? '').equals(before)).toBe(true);
    expect(schemaOf(path)).toBe(SCHEMA_VERSION);
    const again = openStore(path, { clock: systemClock });
    expect(again.movedAside).toBeUndefined();
    again.close();
  },
);

test('the store of a newer bd is refused, and not a byte of it is changed', () => {
  copyFileSync(fixture(BASELINE, 'db'), path);
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
