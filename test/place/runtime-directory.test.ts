import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SOCKET_PATH_BYTES_MAX } from '../../src/core/limits.ts';
import { chooseSocketPath, listDaemonSockets } from '../../src/place/runtime-directory.ts';
import {
  pointLink,
  readLink,
  removeLink,
  resolveSocket,
  workspaceKey,
} from '../../src/place/socket-link.ts';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let place: WorkspacePlace;
let link: string;
const servers: Server[] = [];

beforeEach(() => {
  temp = createTempDirectory();
  place = new WorkspacePlace(temp.path);
  link = place.socketLink;
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  temp[Symbol.dispose]();
});

const choose = (runtimeDir: string): string =>
  chooseSocketPath(place, { env: { XDG_RUNTIME_DIR: runtimeDir } });

async function listen(path: string): Promise<void> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((done) => server.listen(path, done));
}

test('sockets lie in a directory that nobody else may enter, each under a new name', () => {
  const [first, second] = [choose(temp.path), choose(temp.path)];
  expect(dirname(first)).toBe(join(temp.path, 'bd'));
  expect(lstatSync(dirname(first)).mode & 0o777).toBe(0o700);
  expect(first).not.toBe(second);
  expect(first.slice(0, -13)).toBe(second.slice(0, -13));
});

test('sockets of other kinds in the directory are not taken for daemons', async () => {
  const own = choose(temp.path);
  await listen(own);
  for (const name of [`run.${workspaceKey(place)}-1.sock`, 'run-a-1.sock', 'other.sock']) {
    await listen(join(dirname(own), name));
  }
  expect(listDaemonSockets({ XDG_RUNTIME_DIR: temp.path })).toEqual([own]);
});

test('a runtime directory that stands open is closed first', () => {
  mkdirSync(join(temp.path, 'bd'), { mode: 0o777 });
  chmodSync(join(temp.path, 'bd'), 0o777);
  choose(temp.path);
  expect(lstatSync(join(temp.path, 'bd')).mode & 0o777).toBe(0o700);
});

test('a link or a missing parent in its place is passed over', () => {
  mkdirSync(join(temp.path, 'elsewhere'), { mode: 0o700 });
  symlinkSync(join(temp.path, 'elsewhere'), join(temp.path, 'bd'));
  for (const directory of [temp.path, join(temp.path, 'missing'), 'relative']) {
    expect(choose(directory).startsWith(temp.path)).toBe(false);
  }
});

test('a directory in which everybody can rename what is ours is passed over, and said to be so', () => {
  chmodSync(temp.path, 0o777);
  expect(choose(temp.path).startsWith(temp.path)).toBe(false);
  // As /tmp is.
  chmodSync(temp.path, 0o1777);
  expect(choose(temp.path).startsWith(temp.path)).toBe(true);
});

test.skipIf(process.getuid?.() !== 0)(
  'a directory of somebody else, and a socket of somebody else in ours, are not used (needs root to make them)',
  async () => {
    const path = choose(temp.path);
    await listen(path);
    pointLink(link, path);
    lchownSync(path, 12_345, 12_345);
    expect(resolveSocket(place).kind).toBe('untrusted');
    lchownSync(path, 0, 0);
    expect(resolveSocket(place).kind).toBe('socket');
    lchownSync(dirname(path), 12_345, 12_345);
    expect(resolveSocket(place).kind).toBe('untrusted');
    expect(choose(temp.path).startsWith(temp.path)).toBe(false);
    lchownSync(dirname(path), 0, 0);
    lchownSync(temp.path, 12_345, 12_345);
    expect(choose(temp.path).startsWith(temp.path)).toBe(false);
    lchownSync(temp.path, 0, 0);
  },
);

test('a path that would not fit into a socket address is passed over, counted in bytes', () => {
  const long = join(temp.path, 'ü'.repeat(40));
  mkdirSync(long);
  const path = choose(long);
  expect(path.startsWith(long)).toBe(false);
  expect(Buffer.byteLength(path)).toBeLessThanOrEqual(SOCKET_PATH_BYTES_MAX);
});

test('a link to our own socket is followed, and swapped and removed only by its owner', async () => {
  const [first, second] = [choose(temp.path), choose(temp.path)];
  await listen(first);
  pointLink(link, first);
  expect(resolveSocket(place)).toEqual({ kind: 'socket', path: first });
  pointLink(link, second);
  expect(resolveSocket(place)).toEqual({ kind: 'absent' });
  removeLink(link, first);
  expect(readLink(link)).toBe(second);
  removeLink(link, second);
  expect(readLink(link)).toBeUndefined();
});

test('a link that a repository brought along is not followed', async () => {
  const outside = join(temp.path, 'evil.sock');
  await listen(outside);
  pointLink(link, outside);
  expect(resolveSocket(place).kind).toBe('untrusted');

  mkdirSync(join(temp.path, 'open', 'bd'), { recursive: true });
  chmodSync(join(temp.path, 'open', 'bd'), 0o755);
  await listen(join(temp.path, 'open', 'bd', 'x.sock'));
  pointLink(link, join(temp.path, 'open', 'bd', 'x.sock'));
  expect(resolveSocket(place).kind).toBe('untrusted');

  const file = join(dirname(choose(temp.path)), 'file.sock');
  writeFileSync(file, '');
  pointLink(link, file);
  expect(resolveSocket(place).kind).toBe('untrusted');

  rmSync(link);
  symlinkSync('../bd/x.sock', link);
  expect(resolveSocket(place).kind).toBe('untrusted');
  rmSync(link);
  writeFileSync(link, 'a file');
  expect(resolveSocket(place).kind).toBe('untrusted');
  rmSync(link);
  expect(resolveSocket(place).kind).toBe('absent');
});

test('a link that was copied from another workspace leads to no daemon of this one', async () => {
  const other = chooseSocketPath(new WorkspacePlace('/p/.beads'), {
    env: { XDG_RUNTIME_DIR: temp.path },
  });
  await listen(other);
  pointLink(link, other);
  expect(resolveSocket(place)).toEqual({ kind: 'absent', elsewhere: other });
});

test('workspaces have keys of their own, as short as a socket’s path asks for', () => {
  const keys = Array.from({ length: 20_000 }, (_, index) =>
    workspaceKey({ beadsDir: `/home/u/p${index}/.beads` }),
  );
  expect(new Set(keys).size).toBe(20_000);
  expect(keys.every((key) => /^[0-9a-z]{1,11}$/.test(key))).toBe(true);
});
