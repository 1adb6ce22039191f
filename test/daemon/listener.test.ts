import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listen } from '../../src/daemon/listener.ts';
import { readLink } from '../../src/place/socket-link.ts';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let place: WorkspacePlace;
let env: { XDG_RUNTIME_DIR: string };
const accept = (): void => {};

beforeEach(() => {
  temp = createTempDirectory();
  place = new WorkspacePlace(join(temp.path, '.beads'));
  env = { XDG_RUNTIME_DIR: join(temp.path, 'run') };
  mkdirSync(place.beadsDir);
  mkdirSync(env.XDG_RUNTIME_DIR, { mode: 0o700 });
});
afterEach(() => temp[Symbol.dispose]());

const sockets = (): string[] => readdirSync(join(env.XDG_RUNTIME_DIR, 'bd'));

test.each([
  ['the link', 'socketLink'],
  ['the pid file', 'pidFile'],
] as const)('where %s cannot be made, nothing of the listener stays', async (_what, file) => {
  mkdirSync(join(place[file], 'full'), { recursive: true });
  await expect(listen(place, { env, accept })).rejects.toThrow(
    /EISDIR|EEXIST|ENOTEMPTY|is not a link/,
  );
  await eventually(() => sockets().length === 0, { what: 'the socket is gone' });
  expect(readLink(place.socketLink)).toBeUndefined();
});

test('at its end it takes away its own things only', async () => {
  const listener = await listen(place, { env, accept });
  expect(readLink(place.socketLink)).toBe(listener.socketPath);
  writeFileSync(place.pidFile, '1\n');
  listener.withdraw();
  listener.close();
  listener.remove();
  expect(readLink(place.socketLink)).toBeUndefined();
  expect(existsSync(place.pidFile)).toBe(true);
  await eventually(() => sockets().length === 0, { what: 'the socket is gone' });
});

test('a link that is taken away comes back, unless the daemon took it away itself', async () => {
  const [listener, link] = [await listen(place, { env, accept }), place.socketLink];
  rmSync(link);
  listener.restoreLink();
  expect(readLink(link)).toBe(listener.socketPath);
  listener.withdraw();
  listener.restoreLink();
  expect(readLink(link)).toBeUndefined();
  listener.close();
});
