import { lchownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { workspaceKey } from '../../src/place/socket-link.ts';
import {
  createNativeWorkspace,
  isNativeBuilt,
  type NativePackage,
} from '../support/native-package.ts';
import type { Run, TestWorkspace } from '../support/test-workspace.ts';

let workspace: TestWorkspace;
let program: NativePackage;
let server: Server | undefined;
beforeEach(async () => {
  ({ workspace, program } = await createNativeWorkspace('package'));
});
afterEach(async () => {
  server?.close();
  await workspace[Symbol.asyncDispose]();
});

const native = (...args: string[]): Promise<Run> => workspace.bd(args, { program: program.native });

/** Listens at the path, and returns what it was told so far. */
async function listen(path: string, serve: (socket: Socket) => void = () => {}) {
  let heard = '';
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.setEncoding('utf8').on('data', (text) => {
      const isFirst = !heard.includes('\n');
      heard += String(text);
      if (isFirst && heard.includes('\n')) serve(socket);
    });
  });
  await new Promise<void>((done) => server?.listen(path, done));
  return { heard: () => heard };
}

const socketName = (): string => `${workspaceKey(workspace)}-00000000.sock`;
const linkPath = (): string => join(workspace.beadsDir, 'bd.sock');

describe.skipIf(!isNativeBuilt)('the native client does not speak to a planted bd.sock', () => {
  /** Each returns where somebody listens. */
  const plant: Record<string, () => string> = {
    'that leads to a socket in the repository'() {
      symlinkSync('../../evil.sock', linkPath());
      return join(workspace.root, 'evil.sock');
    },
    'that is a socket itself': linkPath,
    'that leads to the right name in a directory that is open to others'() {
      const directory = join(workspace.root, 'bd');
      mkdirSync(directory, { mode: 0o755 });
      symlinkSync(join(directory, socketName()), linkPath());
      return join(directory, socketName());
    },
    'that leads to another workspace’s daemon'() {
      const directory = join(workspace.runtimeDir, 'bd');
      mkdirSync(directory, { mode: 0o700 });
      symlinkSync(join(directory, 'other-00000000.sock'), linkPath());
      return join(directory, 'other-00000000.sock');
    },
    'that leads to a directory which is a link'() {
      mkdirSync(join(workspace.runtimeDir, 'real'), { mode: 0o700 });
      symlinkSync('real', join(workspace.runtimeDir, 'bd'));
      symlinkSync(join(workspace.runtimeDir, 'bd', socketName()), linkPath());
      return join(workspace.runtimeDir, 'real', socketName());
    },
  };
  test.each(Object.keys(plant))('%s', async (how) => {
    const { heard } = await listen(plant[how]!());
    const { exitCode, stdout } = await native('q', 'A secret plan');
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^t-/) });
    expect(heard()).toBe('');
    expect(program.handovers()).toMatchObject([{ reason: expect.stringContaining('bd.sock') }]);
  });

  test.each(['file', 'directory'])('that is a %s', async (kind) => {
    if (kind === 'file') writeFileSync(linkPath(), 'of the repository\n');
    else mkdirSync(linkPath());
    expect(await native('q', 'A secret plan')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(program.handovers()).toEqual([{ reason: "`bd.sock` is not bd's own link" }]);
  });

  test.skipIf(process.getuid?.() !== 0)('that another user owns (needs root)', async () => {
    const directory = join(workspace.runtimeDir, 'bd');
    mkdirSync(directory, { mode: 0o700 });
    const path = join(directory, socketName());
    const { heard } = await listen(path);
    symlinkSync(path, linkPath());
    for (const foreign of [path, directory]) {
      lchownSync(foreign, 12_345, 12_345);
      expect(await native('q', 'A secret plan')).toMatchObject({ exitCode: 0 });
      lchownSync(foreign, 0, 0);
    }
    expect(heard()).toBe('');
    expect(program.handovers()).toHaveLength(2);
  });
});

describe.skipIf(!isNativeBuilt)('a daemon that fails', () => {
  /** Has it run `bd list` through both clients, which must say the same. */
  async function listWith(serve: (socket: Socket) => void): Promise<Run> {
    const directory = join(workspace.runtimeDir, 'bd');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, socketName());
    const runs: Run[] = [];
    for (const client of ['native', 'node']) {
      await listen(path, serve);
      rmSync(linkPath(), { force: true });
      symlinkSync(path, linkPath());
      const env = { BD_CLIENT: client };
      runs.push(await workspace.bd(['list', '--json'], { env, program: program.bd }));
      await new Promise((done) => server?.close(done));
      rmSync(path, { force: true });
    }
    expect(runs[0]).toEqual(runs[1]);
    return runs[0]!;
  }

  const say = (socket: Socket, message: object): boolean =>
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const print = (socket: Socket, text: string): boolean =>
    say(socket, { method: 'output', params: { stream: 'stdout', text } });
  /** What it printed is shown after this. */
  const afterwards = (act: () => void): void => void setTimeout(act, 400);

  test('silent from the beginning: the command ends in time, with the reason', async () => {
    const run = await listWith(() => {});
    expect(run.exitCode).toBe(5);
    expect(run.stdout).toContain('It was not done.');
    expect(program.handovers()).toMatchObject([
      { failure: { kind: 'silent', hasStarted: false } },
      undefined,
    ]);
  });

  test('silent after it has begun: the command may have been done', async () => {
    const run = await listWith((socket) => say(socket, { method: 'heartbeat', params: {} }));
    expect(run.exitCode).toBe(5);
    expect(run.stdout).toContain('may or may not have been done');
  });

  test('lost after it has printed something: that is shown, and nothing is done again', async () => {
    let calls = 0;
    const run = await listWith((socket) => {
      calls += 1;
      print(socket, '[]\n');
      afterwards(() => socket.destroy());
    });
    expect(run.stdout).toMatch(/^\[\]\n/);
    expect(run.stdout).toContain('went away while it ran `bd list`');
    expect(run.exitCode).toBe(5);
    expect(calls).toBe(2);
  });

  test('that refuses: the error is printed as it came', async () => {
    const data = { code: 'LIMIT_EXCEEDED', remedy: 'Ask for less: "größe".', details: {} };
    const error = { code: -32_000, message: 'too much', data };
    const run = await listWith((socket) => say(socket, { id: 1, error }));
    expect(JSON.parse(run.stdout)).toMatchObject({ error: 'too much' });
    expect(program.handovers()).toMatchObject([{ failure: { kind: 'refused', error } }, undefined]);
  });

  test('that retires when something was shown: the error is printed', async () => {
    const error = {
      code: -32_000,
      message: 'bye',
      data: { code: 'DAEMON_RETIRING', remedy: 'Go.' },
    };
    const run = await listWith((socket) => {
      print(socket, '[]\n');
      afterwards(() => say(socket, { id: 1, error }));
    });
    expect(run.stdout).toContain('bye');
    expect(run.exitCode).not.toBe(0);
  });

  test.each<[string, (socket: Socket) => void]>([
    [
      'retires',
      (socket) =>
        say(socket, {
          id: 1,
          error: { code: 1, message: 'bye', data: { code: 'DAEMON_RETIRING' } },
        }),
    ],
    ['goes away', (socket) => socket.destroy()],
    ['sends what is no JSON', (socket) => socket.end('{"jsonrpc"\n')],
    [
      'prints something and goes away at once',
      (socket) => {
        print(socket, 'half');
        socket.destroySoon();
      },
    ],
  ])(
    'that %s before anything was shown: the command runs again, under its key',
    async (_, fail) => {
      const keys: unknown[] = [];
      const directory = join(workspace.runtimeDir, 'bd');
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const { heard } = await listen(join(directory, socketName()), (socket) => {
        const { params } = JSON.parse(heard().split('\n')[0] ?? '') as { params: { key: unknown } };
        keys.push(params.key);
        server?.close();
        rmSync(linkPath());
        fail(socket);
      });
      symlinkSync(join(directory, socketName()), linkPath());
      const run = await native('q', 'First');
      expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^t-\w+\n$/) });
      expect(program.handovers()).toEqual([{ reason: expect.any(String), key: keys[0] }]);
    },
  );
});
