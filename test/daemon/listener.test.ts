import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listen } from '../../src/daemon/listener.ts';
import { readLink } from '../../src/place/socket-link.ts';
import { daemonPidPath, socketLinkPath } from '../../src/place/workspace-files.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let beadsDir: string;
let env: { XDG_RUNTIME_DIR: string };
const accept = (): void => {};

beforeEach(() => {
  temp = createTempDirectory();
  [beadsDir, env] = [join(temp.path, '.beads'), { XDG_RUNTIME_DIR: join(temp.path, 'run') }];
  mkdirSync(beadsDir);
  mkdirSync(env.XDG_RUNTIME_DIR, { mode: 0o700 });
});
afterEach(() => temp[Symbol.dispose]());

const sockets = (): string[] => readdirSync(join(env.XDG_RUNTIME_DIR, 'bd'));

test.each([
  ['the link', socketLinkPath],
  ['the pid file', daemonPidPath],
])('where %s cannot be made, nothing of the listener stays', async (_what, pathIn) => {
  mkdirSync(join(pathIn(beadsDir), 'full'), { recursive: true });
  await expect(listen(beadsDir, { env, accept })).rejects.toThrow(
    /EISDIR|EEXIST|ENOTEMPTY|is no link/,
  );
  await eventually(() => sockets().length === 0, { what: 'the socket is gone' });
  expect(readLink(socketLinkPath(beadsDir))).toBeUndefined();
});

test('at its end it takes away its own things only', async () => {
  const listener = await listen(beadsDir, { env, accept });
  expect(readLink(socketLinkPath(beadsDir))).toBe(listener.socketPath);
  writeFileSync(daemonPidPath(beadsDir), '1\n');
  listener.withdraw();
  listener.close();
  listener.remove();
  expect(readLink(socketLinkPath(beadsDir))).toBeUndefined();
  expect(existsSync(daemonPidPath(beadsDir))).toBe(true);
  await eventually(() => sockets().length === 0, { what: 'the socket is gone' });
});

test('a link that is taken away comes back, unless the daemon took it away itself', async () => {
  const [listener, link] = [await listen(beadsDir, { env, accept }), socketLinkPath(beadsDir)];
  rmSync(link);
  listener.restoreLink();
  expect(readLink(link)).toBe(listener.socketPath);
  listener.withdraw();
  listener.restoreLink();
  expect(readLink(link)).toBeUndefined();
  listener.close();
});
