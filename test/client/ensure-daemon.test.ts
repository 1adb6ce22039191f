import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureDaemon } from '../../src/client/ensure-daemon.ts';
import { workspaceKey } from '../../src/platform/socket-link.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let beadsDir: string;
beforeEach(() => {
  temp = createTempDirectory();
  beadsDir = join(temp.path, '.beads');
  mkdirSync(beadsDir);
});
afterEach(() => temp[Symbol.dispose]());

/** Starts with a program in the daemon's place. */
async function start(code: string, { timeoutMs = 20_000, env = {} } = {}) {
  const file = join(temp.path, 'daemon.cjs');
  writeFileSync(
    file,
    `const fs = require('node:fs'); const [, , beadsDir] = process.argv;\n${code}`,
  );
  const program = { file, execPath: process.execPath };
  return await ensureDaemon({ beadsDir, program, env: { PATH: '/bin', ...env } }, { timeoutMs });
}

/** A daemon as far as the client can see: listens where ours would. */
const listenAs = (key: string): string => `
  const path = require('node:path');
  const directory = path.join(path.dirname(beadsDir), 'bd');
  fs.appendFileSync(path.join(beadsDir, 'starts'), 'x');
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const socket = path.join(directory, '${key}-' + process.pid + '.sock');
  require('node:net').createServer(() => setTimeout(() => process.exit(), 100)).listen(socket, () => {
    fs.symlinkSync(socket, path.join(beadsDir, 'bd.sock'));
    fs.writeSync(3, 'R\\n');
  });
  setTimeout(() => process.exit(), 20000);`;

test('many at once start one daemon, and all are connected to it', async () => {
  const all = await Promise.all(
    Array.from({ length: 10 }, () => start(listenAs(workspaceKey(beadsDir)))),
  );
  for (const each of all) {
    expect(each.kind).toBe('connected');
    if (each.kind === 'connected') each.socket.destroy();
  }
  expect(readFileSync(join(beadsDir, 'starts'), 'utf8')).toBe('x');
});

test('the true cause of a failed start arrives', async () => {
  const error = {
    code: 1012,
    message: 'the store is from the future',
    data: { code: 'STORE_UNUSABLE', remedy: 'Upgrade.' },
  };
  await expect(
    start(`fs.writeSync(3, 'E ' + ${JSON.stringify(JSON.stringify(error))} + '\\n')`),
  ).rejects.toMatchObject({
    code: 'STORE_UNUSABLE',
    message: 'the store is from the future',
    remedy: 'Upgrade.',
  });
});

test('a daemon that finds no place for a socket says so, and the command can go on without one', async () => {
  const error = {
    code: 1013,
    message: 'no place',
    data: { code: 'DAEMON_UNAVAILABLE', remedy: 'x', details: { noSocket: true } },
  };
  expect(
    await start(`fs.writeSync(3, 'E ' + ${JSON.stringify(JSON.stringify(error))} + '\\n')`),
  ).toEqual({
    kind: 'forbidden',
    reason: 'no place',
  });
});

test('one that dies without a word is noticed, and its last words are in the log', async () => {
  await expect(start(`throw new Error('last words')`)).rejects.toMatchObject({
    code: 'DAEMON_UNAVAILABLE',
    message: expect.stringContaining('daemon.log'),
  });
  expect(readFileSync(join(beadsDir, 'daemon.log'), 'utf8')).toContain('last words');
});

test('a workspace that stays locked without a socket ends the wait with the holder’s number', async () => {
  writeFileSync(join(beadsDir, 'daemon.pid'), '4711\n');
  await expect(start(`fs.writeSync(3, 'B\\n')`, { timeoutMs: 600 })).rejects.toMatchObject({
    code: 'DAEMON_UNAVAILABLE',
    message: expect.stringContaining('4711'),
  });
});

test('a daemon that never becomes ready ends the wait', async () => {
  await expect(start(`setTimeout(() => {}, 3000)`, { timeoutMs: 600 })).rejects.toMatchObject({
    code: 'DAEMON_UNAVAILABLE',
    message: expect.stringContaining('not ready'),
  });
});

test('it stands outside the workspace, with a clean environment and no output of ours', async () => {
  const code = `fs.writeFileSync(beadsDir + '/seen', JSON.stringify({
    cwd: process.cwd(), env: process.env, execArgv: process.execArgv,
    tty: [0, 1, 2].map((fd) => fs.fstatSync(fd).isFIFO() || fs.fstatSync(fd).isSocket()) }));`;
  const env = {
    HOME: '/h',
    NODE_OPTIONS: '--no-warnings',
    NODE_EXTRA_CA_CERTS: '/ca',
    GIT_DIR: '/g',
  };
  await expect(start(code, { env })).rejects.toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
  expect(existsSync(join(beadsDir, 'seen'))).toBe(true);
  expect(JSON.parse(readFileSync(join(beadsDir, 'seen'), 'utf8'))).toEqual({
    cwd: '/',
    env: { PATH: '/bin', HOME: '/h' },
    execArgv: [],
    tty: [false, false, false],
  });
});
