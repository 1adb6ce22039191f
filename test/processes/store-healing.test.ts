import {
  closeSync,
  copyFileSync,
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
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keepDatabase } from '../../src/platform/kept-objects.ts';
import { eventually } from '../support/eventually.ts';
import { createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

let workspace: TestWorkspace;
let store: string;
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'with-remote' });
  store = join(workspace.beadsDir, 'beads.db');
  await workspace.bdText(['init', '--prefix', 't']);
});
afterEach(() => workspace[Symbol.asyncDispose]());

const titles = async (): Promise<string[]> =>
  (await workspace.bdJson<{ title: string }[]>(['list', '--all', '--limit', '0']))
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
  const database = keepDatabase(new BetterSqlite3(path));
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

/** Ten issues, five of them in a backup; all are in the mirror. */
async function work(): Promise<string[]> {
  for (const n of [1, 2, 3, 4, 5]) await workspace.bdText(['q', `Early ${n}`]);
  await workspace.bdText(['daemon', 'stop']);
  copyFileSync(store, `${store}-backup`);
  for (const n of [1, 2, 3, 4, 5]) await workspace.bdText(['q', `Late ${n}`]);
  const all = await titles();
  await eventually(() => {
    const mirror = readFileSync(join(workspace.beadsDir, 'beads.jsonl'), 'utf8');
    return all.every((title) => mirror.includes(title));
  });
  return all;
}

describe.each(['while the daemon serves it', 'while nobody has it open'])('%s', (when) => {
  const env = when.includes('nobody') ? { BEADS_NO_DAEMON: '1' } : {};

  test.each(accidents)('a store that is $what costs no issue', async ({ happens, isTold }) => {
    const before = await work();
    if (when.includes('nobody')) await workspace.bdText(['daemon', 'stop']);
    const pid = workspace.daemonPid();
    happens();
    const created = await workspace.bd(['q', 'After it'], { env });
    expect(created).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^t-/) });
    if (isTold === true)
      expect(created.stderr).toMatch(/^Note: .*beads\.db could not be used.*\n$/);
    else expect(created.stderr).toBe('');
    const next = await workspace.bd(['list'], { env });
    expect(next).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await titles()).toEqual([...before, 'After it'].sort());
    if (pid !== undefined) expect(workspace.daemonPid()).not.toBe(pid);
    const sync = await workspace.bdJson(['sync']);
    expect(sync).toMatchObject({ state: 'ok', pending: 0 });
    const shared = workspace.git('show', 'refs/bd/sync:.beads/issues.jsonl');
    for (const title of [...before, 'After it']) expect(shared).toContain(title);
  });
});
