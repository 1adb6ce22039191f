import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqlite } from '../../src/platform/sqlite.ts';
import { eventually } from '../support/eventually.ts';
import { BD, createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

type Environment = Readonly<Record<string, string>>;

/** How many come to a former store at once. */
const COMERS = Number(process.env['STORE_COMERS'] ?? 8);

let workspace: TestWorkspace;
let store: string;
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'with-remote', client: 'here' });
  store = join(workspace.beadsDir, 'beads.db');
  await workspace.bdText(['init', '--prefix', 't']);
});
afterEach(() => workspace[Symbol.asyncDispose]());

const ALONE: Environment = { BEADS_NO_DAEMON: '1' };

const titles = async (env: Environment = {}): Promise<string[]> =>
  (await workspace.bdJson<{ title: string }[]>(['list', '--all', '--limit', '0'], { env }))
    .map(({ title }) => title)
    .sort();

function removeStore(): void {
  for (const name of readdirSync(workspace.beadsDir)) {
    if (name.startsWith('beads.db')) rmSync(join(workspace.beadsDir, name));
  }
}

/** What `dd conv=notrunc` does: the file stays the same one. */
function scribble(at: number, length: number): void {
  const file = openSync(store, 'r+');
  writeSync(file, Buffer.alloc(length, 0xa5), 0, length, at);
  closeSync(file);
}

/** As `cp` does: into the file that is there. */
function writeInto(from: string): void {
  writeFileSync(store, readFileSync(from));
}

function makeForeign(path: string): void {
  const database = openSqlite(path);
  database.exec("CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')");
  database.close();
}

interface Accident {
  what: string;
  happens: () => void;
  /** The command that meets it says what became of the file. */
  isTold?: boolean;
}

const accidents: readonly Accident[] = [
  { what: 'deleted', happens: removeStore },
  { what: 'copied over by an older one', happens: () => writeInto(`${store}-backup`) },
  {
    what: 'replaced by an older one',
    happens() {
      copyFileSync(`${store}-backup`, `${store}-new`);
      renameSync(`${store}-new`, store);
    },
  },
  {
    what: 'damaged at its head',
    happens: () => scribble(0, 4096),
    isTold: true,
  },
  {
    what: 'damaged in its middle',
    happens: () => scribble(4096, statSync(store).size - 8192),
    isTold: true,
  },
  {
    what: 'cut off',
    happens: () => writeFileSync(store, readFileSync(store).subarray(0, 6000)),
    isTold: true,
  },
  {
    what: 'copied over by another program’s',
    happens() {
      const foreign = join(workspace.root, 'foreign.db');
      makeForeign(foreign);
      writeInto(foreign);
    },
    isTold: true,
  },
];

async function makeFive(when: string, env: Environment): Promise<void> {
  const lines = [1, 2, 3, 4, 5].map((n) => `{"id":"t-${when}${n}","title":"${when} ${n}"}\n`);
  await workspace.bdText(['import'], { stdin: lines.join(''), env });
}

/** Ten issues, five of them in a backup; all are in the mirror. */
async function work(env: Environment = {}): Promise<string[]> {
  await makeFive('early', ALONE);
  copyFileSync(store, `${store}-backup`);
  await makeFive('late', env);
  const all = await titles(env);
  await eventually(() => {
    const mirror = readFileSync(join(workspace.beadsDir, 'beads.jsonl'), 'utf8');
    return all.every((title) => mirror.includes(title));
  });
  return all;
}

describe.each([
  { when: 'while the daemon serves it', env: {} },
  { when: 'while nobody has it open', env: ALONE },
])('$when', ({ env }) => {
  test.each(accidents)('a store that is $what costs no issue', async ({ happens, isTold }) => {
    const before = await work(env);
    const pid = workspace.daemonPid();
    expect(pid === undefined).toBe(env === ALONE);
    happens();
    const created = await workspace.bd(['q', 'After it'], { env });
    expect(created).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^t-/) });
    if (isTold === true)
      expect(created.stderr).toMatch(/^Note: .*beads\.db could not be used.*\n$/);
    else expect(created.stderr).toBe('');
    const next = await workspace.bd(['list'], { env });
    expect(next).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await titles(env)).toEqual([...before, 'After it'].sort());
    if (pid !== undefined) expect(workspace.daemonPid()).not.toBe(pid);
    const sync = await workspace.bdJson(['sync'], { env });
    expect(sync).toMatchObject({ state: 'ok', pending: 0 });
    const shared = workspace.git('show', 'refs/bd/sync:.beads/issues.jsonl');
    for (const title of [...before, 'After it']) expect(shared).toContain(title);
  });
});

test('a log that is taken away while the daemon serves costs nothing, also when it is killed', async () => {
  const before = await work();
  rmSync(`${store}-wal`);
  await workspace.bdText(['q', 'After it']);
  const pid = workspace.daemonPid();
  if (pid === undefined) throw new Error('no daemon');
  process.kill(pid, 'SIGKILL');
  await eventually(() => !existsSync(`/proc/${pid}`));
  // What was acknowledged is in the store itself, not only in the mirror.
  rmSync(join(workspace.beadsDir, 'beads.jsonl'));
  expect(await titles()).toEqual([...before, 'After it'].sort());
});

test('git clean takes the whole workspace away, and the next command has the issues back', async () => {
  const before = await work();
  expect(await workspace.bdJson(['sync'])).toMatchObject({ pending: 0 });
  const pid = workspace.daemonPid();
  workspace.git('clean', '-fdxq');
  expect(existsSync(store)).toBe(false);
  expect(await workspace.bdText(['q', 'After it'])).toMatch(/^t-/);
  expect(await titles()).toEqual([...before, 'After it'].sort());
  expect(await workspace.bdJson(['sync'])).toMatchObject({ state: 'ok', pending: 0 });
  await eventually(() => !existsSync(`/proc/${pid}`), { deadlineMs: 40_000 });
  expect(existsSync(join(workspace.beadsDir, 'bd.sock')), 'that of the successor').toBe(true);
}, 80_000);

test.each([
  // The daemon stands still while it waits: one wait after the other would be too long.
  { how: 'with a daemon', env: {}, commands: 3 },
  { how: 'without daemon', env: ALONE, commands: 1 },
])('a stranger who keeps the store locked is told of in time, $how', async ({ env, commands }) => {
  await workspace.bdText(['q', 'Before'], { env });
  const stranger = openSqlite(store);
  stranger.exec('BEGIN EXCLUSIVE');
  const refused = Array.from({ length: commands }, async () => {
    const start = performance.now();
    const run = await workspace.bd(['create', 'Refused', '--json'], { env });
    return { ...run, elapsedMs: performance.now() - start };
  });
  for (const { exitCode, stdout, elapsedMs } of await Promise.all(refused)) {
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'STORE_UNUSABLE',
      error: expect.stringMatching(/beads\.db: another program has kept it locked for 2\.5 s/),
    });
    expect(elapsedMs).toBeLessThan(6_000);
  }
  stranger.exec('ROLLBACK');
  stranger.close();
  await workspace.bdText(['q', 'After it'], { env });
  expect(await titles(env)).toEqual(['After it', 'Before']);
});

test('the store of another project among the files of this one is put aside', async () => {
  await workspace.bdText(['q', 'Ours'], { env: ALONE });
  const other = join(workspace.root, 'other');
  mkdirSync(other);
  const at = { cwd: other, env: ALONE };
  await workspace.bdText(['init', '--prefix', 'o'], at);
  await workspace.bdText(['q', 'Theirs'], at);
  copyFileSync(join(other, '.beads/beads.db'), store);
  const run = await workspace.bd(['list']);
  expect(run.stderr).toContain('beads.db-aside-');
  expect(run.stdout).toContain('Ours');
  expect(run.stdout).not.toContain('Theirs');
});

test('a store from before the first release is moved aside once, by the first that opens it, and rebuilt', async () => {
  await workspace.bdText(['q', 'Kept'], { env: ALONE });
  const former = openSqlite(store);
  former.exec('PRAGMA user_version = 4');
  former.close();
  const runs = await Promise.all(
    Array.from({ length: COMERS }, () =>
      workspace.bd(['list', '--all', '--json', '--lock-timeout', '40s'], {
        env: ALONE,
        program: BD,
      }),
    ),
  );
  for (const { exitCode, stdout } of runs) {
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ title: 'Kept' }]);
  }
  const told = runs.filter(({ stderr }) => stderr.includes('beads.db-aside-'));
  expect(told).toHaveLength(1);
  const asides = readdirSync(workspace.beadsDir).filter((name) => /-aside-\d+$/.test(name));
  expect(asides).toHaveLength(1);
});
