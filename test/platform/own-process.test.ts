import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endProcess, listOwnProcesses, type OwnProcess } from '../../src/platform/own-process.ts';
import { spawnDetached } from '../../src/platform/spawn-detached.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
const started: number[] = [];
beforeEach(() => (temp = createTempDirectory()));
afterEach(() => {
  for (const pid of started.splice(0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  temp[Symbol.dispose]();
});

const READY = `require('node:fs').writeSync(3, 'here\\n'); setInterval(() => {}, 1000);`;

/** Starts a program of that name, and waits for its report. */
async function start(name: string, code: string, ...args: string[]): Promise<number> {
  const file = join(temp.path, name);
  writeFileSync(file, code);
  const { child, report } = spawnDetached([process.execPath, file, ...args], {
    env: {},
    directory: '/',
    output: undefined,
  });
  const { pid } = child;
  // A signal for process 0 would be one for the tests themselves.
  if (pid === undefined) throw new Error(`${name} could not be started`);
  started.push(pid);
  for await (const text of report ?? []) {
    expect(String(text)).toBe('here\n');
    break;
  }
  return pid;
}

const found = (program: string, pid: number): OwnProcess | undefined =>
  listOwnProcesses(program).find((each) => each.pid === pid);

test('a process is listed under its own program, with its arguments', async () => {
  const pid = await start('runner.cjs', READY, '/a', 'b c');
  expect(found('runner.cjs', pid)).toMatchObject({ pid, args: ['/a', 'b c'] });
  expect(found('bd-daemon.js', pid)).toBeUndefined();
});

test('it is asked to end, and killed when it does not', async () => {
  const polite = await start('polite.cjs', READY);
  const deaf = await start('deaf.cjs', `process.on('SIGTERM', () => {}); ${READY}`);
  for (const [program, pid] of [
    ['polite.cjs', polite],
    ['deaf.cjs', deaf],
  ] as const) {
    const proven = found(program, pid);
    if (proven === undefined) throw new Error(`${program} is not listed`);
    expect(await endProcess(proven)).toBe(true);
    expect(found(program, pid)).toBeUndefined();
  }
});

test('a number that belongs to another process by now gets no signal', async () => {
  const pid = await start('runner.cjs', READY);
  const proven = found('runner.cjs', pid);
  if (proven === undefined) throw new Error('it is not listed');
  const others: OwnProcess[] = [
    { ...proven, program: 'other.cjs' },
    { ...proven, args: ['/elsewhere'] },
    { ...proven, startedMs: proven.startedMs - 1000 },
  ];
  for (const other of others) expect(await endProcess(other)).toBe(true);
  expect(found('runner.cjs', pid)).toEqual(proven);
});
