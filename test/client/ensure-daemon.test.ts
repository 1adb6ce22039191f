import { once } from 'node:events';
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ALLOCATOR_SETTINGS } from '../../src/client/client-environment.ts';
import { connectTo } from '../../src/client/connect.ts';
import { ensureDaemon, type StartTimeouts } from '../../src/client/ensure-daemon.ts';
import { workspaceKey } from '../../src/place/socket-link.ts';
import { useBeadsDirectory } from '../support/beads-directory.ts';

const project = useBeadsDirectory();

/** Starts with a program in the daemon's place. */
async function start(
  code: string,
  { env = {}, ...timeouts }: StartTimeouts & { env?: object } = {},
) {
  const file = join(project.path, 'daemon.cjs');
  writeFileSync(
    file,
    `const fs = require('node:fs'); const [, , beadsDir] = process.argv;\n${code}`,
  );
  const program = { file, execPath: process.execPath };
  return await ensureDaemon(
    { place: project.place, program, env: { PATH: '/bin', ...env } },
    timeouts,
  );
}

/** A daemon as far as the client can see: listens where ours would. */
const listenAs = (key: string): string => `
  const path = require('node:path');
  const directory = path.join(path.dirname(beadsDir), 'bd');
  fs.appendFileSync(path.join(beadsDir, 'starts'), 'x');
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const socket = path.join(directory, '${key}-' + process.pid + '.sock');
  require('node:net').createServer(() => {}).listen(socket, () => {
    fs.symlinkSync(socket, path.join(beadsDir, 'bd.sock'));
    fs.writeSync(3, 'R\\n');
  });
  // Until the test is over.
  setInterval(() => fs.existsSync(beadsDir) || process.exit(), 50);`;

test('many at once start one daemon, and all are connected to it', async () => {
  const all = await Promise.all(
    Array.from({ length: 10 }, () => start(listenAs(workspaceKey(project)))),
  );
  for (const each of all) {
    expect(each.kind).toBe('connected');
    if (each.kind === 'connected') each.socket.destroy();
  }
  expect(readFileSync(join(project.beadsDir, 'starts'), 'utf8')).toBe('x');
});

test('a client that has waited long for a start connects, although it is too busy to notice at once', async () => {
  const daemon = listenAs(workspaceKey(project.place));
  const first = await start(daemon);
  if (first.kind === 'connected') first.socket.destroy();
  const connecting = start(daemon, { sinceMs: performance.now() - 10_000 });
  const busyUntilMs = performance.now() + 50;
  while (performance.now() < busyUntilMs);
  const second = await connecting;
  expect(second.kind).toBe('connected');
  if (second.kind === 'connected') second.socket.destroy();
});

const TOO_NEW = {
  code: 1012,
  message: 'the store is from the future',
  data: { code: 'STORE_UNUSABLE', remedy: 'Upgrade.' },
};

/** Counts its starts, and says how they failed. */
const fail = (error: object): string => `
  fs.appendFileSync(require('node:path').join(beadsDir, 'starts'), 'x');
  fs.writeSync(3, 'E ' + ${JSON.stringify(JSON.stringify(error))} + '\\n');`;

test('a process that was too busy to look learns what came in time', async () => {
  const path = join(project.path, 'there.sock');
  const server = createServer().listen(path);
  await once(server, 'listening');
  const outcomes = [path, join(project.path, 'none.sock')].map(async (each) => {
    const connection = await connectTo(each, { timeoutMs: 20 });
    if (connection.kind === 'connected') connection.socket.destroy();
    return connection.kind;
  });
  const busyUntilMs = performance.now() + 60;
  while (performance.now() < busyUntilMs);
  expect(await Promise.all(outcomes)).toEqual(['connected', 'absent']);
  server.close();
});

const starts = (): string => readFileSync(join(project.beadsDir, 'starts'), 'utf8');

test('the true cause of a failed start arrives, and nobody starts one again for a while', async () => {
  const error = { code: 'STORE_UNUSABLE', message: TOO_NEW.message, remedy: 'Upgrade.' };
  expect(await start(fail(TOO_NEW))).toMatchObject({ kind: 'failed', error });
  expect(await start(fail(TOO_NEW))).toMatchObject({ kind: 'failed_before', error });
  expect(starts()).toBe('x');
  expect(lstatSync(join(project.beadsDir, 'daemon.failed')).mode & 0o777).toBe(0o600);
});

test('of many that meet the same failure one starts a daemon, and one has news of it', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => start(fail(TOO_NEW))));
  expect(starts()).toBe('x');
  expect(all.filter(({ kind }) => kind === 'failed')).toHaveLength(1);
  expect(all.filter(({ kind }) => kind === 'failed_before')).toHaveLength(7);
});

test.each([
  ['is older than that', { at: new Date(Date.now() - 31_000).toISOString() }],
  ['is from the future', { at: new Date(Date.now() + 60_000).toISOString() }],
  ['was another version’s', { version: '0.0.1' }],
  ['does not say when', { at: 'then' }],
])('a failure that %s keeps nobody from starting', async (_what, changed) => {
  await start(fail(TOO_NEW));
  const path = join(project.beadsDir, 'daemon.failed');
  const note = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...note, ...changed }));
  expect(await start(fail(TOO_NEW))).toMatchObject({ kind: 'failed' });
  expect(starts()).toBe('xx');
});

test('a start that works is the end of the memory', async () => {
  await start(fail(TOO_NEW));
  const path = join(project.beadsDir, 'daemon.failed');
  writeFileSync(path, '{}');
  const ensured = await start(listenAs(workspaceKey(project)));
  expect(ensured.kind).toBe('connected');
  if (ensured.kind === 'connected') ensured.socket.destroy();
  expect(existsSync(path)).toBe(false);
});

test('a daemon that finds no place for a socket says so, and the command can go on without one', async () => {
  const error = {
    code: 1022,
    message: 'no place',
    data: { code: 'SOCKET_UNAVAILABLE', remedy: 'x', details: {} },
  };
  const forbidden = { kind: 'forbidden', reason: 'no place' };
  expect(await start(fail(error))).toEqual(forbidden);
  expect(await start(fail(error))).toEqual(forbidden);
  expect(starts()).toBe('x');
});

test('one that dies without a word is noticed, and its last words are told', async () => {
  writeFileSync(join(project.beadsDir, 'daemon.log'), 'Error: of somebody before\n');
  const failed = await start(`throw new TypeError('last words')`);
  if (failed.kind !== 'failed') throw new Error(failed.kind);
  expect(failed.error.code).toBe('DAEMON_UNAVAILABLE');
  expect(failed.error.message).toMatch(/TypeError: last words; see .*daemon\.log/);
});

test.each([
  ['its program is missing', { execPath: '/missing/node' }, 'ENOENT'],
  ['the system takes no such program', { PATH: 'x'.repeat(4 * 1024 * 1024) }, 'E2BIG'],
])('where %s, that is the failure, and the command can go on', async (_what, wish, reason) => {
  const { execPath = process.execPath, ...env } = wish as { execPath?: string; PATH?: string };
  const program = { file: join(project.path, 'daemon.cjs'), execPath };
  const failed = await ensureDaemon({ place: project.place, program, env });
  if (failed.kind !== 'failed') throw new Error(failed.kind);
  expect(failed.error.message).toContain(reason);
});

test('one that is killed at its start is followed by another, and nobody remembers it as a failure', async () => {
  const die = `process.kill(process.pid, 'SIGKILL');`;
  const failed = await start(die);
  if (failed.kind !== 'failed') throw new Error(failed.kind);
  expect(failed.error.message).toContain('SIGKILL ended it');
  const once = `const first = require('node:path').join(beadsDir, 'first');
    if (!fs.existsSync(first)) { fs.writeFileSync(first, ''); ${die} }`;
  const second = await start(`${once} ${listenAs(workspaceKey(project))}`);
  if (second.kind !== 'connected') throw new Error(second.kind);
  second.socket.destroy();
});

test('a workspace that stays locked without a socket ends the wait with the holder’s number', async () => {
  writeFileSync(join(project.beadsDir, 'daemon.pid'), '4711\n');
  await expect(start(`fs.writeSync(3, 'B\\n')`, { heldTimeoutMs: 600 })).rejects.toMatchObject({
    code: 'DAEMON_UNAVAILABLE',
    message: expect.stringContaining('4711'),
  });
});

test('none is started again where the first has waited in vain for the workspace', async () => {
  const busy = `fs.appendFileSync(beadsDir + '/starts', 'x'); fs.writeSync(3, 'B\\n')`;
  const held = { code: 'DAEMON_UNAVAILABLE' };
  await expect(start(busy, { heldTimeoutMs: 1_000 })).rejects.toMatchObject(held);
  expect(starts()).toBe('x');
  await expect(start(busy, { heldTimeoutMs: 1_000, foundBusy: true })).rejects.toMatchObject(held);
  expect(starts()).toBe('x');
});

test('daemons that are ready, and gone at once, end the wait', async () => {
  await expect(start(`fs.writeSync(3, 'R\\n')`, { startTimeoutMs: 2_000 })).rejects.toMatchObject({
    code: 'DAEMON_UNAVAILABLE',
  });
});

test('a daemon that never becomes ready ends the wait', async () => {
  const failed = await start(`setTimeout(() => {}, 3000)`, { startTimeoutMs: 600 });
  if (failed.kind !== 'failed') throw new Error(failed.kind);
  expect(failed.error.message).toContain('not ready');
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
  expect(await start(code, { env })).toMatchObject({ kind: 'failed' });
  expect(existsSync(join(project.beadsDir, 'seen'))).toBe(true);
  expect(JSON.parse(readFileSync(join(project.beadsDir, 'seen'), 'utf8'))).toEqual({
    cwd: '/',
    env: { PATH: '/bin', HOME: '/h', ...ALLOCATOR_SETTINGS },
    execArgv: [],
    tty: [false, false, false],
  });
});
