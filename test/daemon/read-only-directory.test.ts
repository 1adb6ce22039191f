import { once } from 'node:events';
import type * as NodeFs from 'node:fs';
import { mkdirSync, readdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runDaemon } from '../../src/daemon/lifecycle.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import { socketLinkPath } from '../../src/platform/workspace-files.ts';
import { initialise } from '../../src/workspace/initialise.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const kept = vi.hoisted(() => ({ directory: undefined as string | undefined }));

// As a directory without write permission answers whoever is not root.
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof NodeFs>();
  const rmSync: typeof fs.rmSync = (path, options) => {
    if (kept.directory !== undefined && String(path).startsWith(kept.directory)) {
      throw Object.assign(new Error(`EACCES: unlink '${String(path)}'`), { code: 'EACCES' });
    }
    fs.rmSync(path, options);
  };
  return { ...fs, rmSync };
});

let temp: TempDirectory;
let env: Record<string, string>;
let beadsDir: string;

beforeEach(async () => {
  temp = createTempDirectory();
  const runtime = join(temp.path, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  env = { HOME: temp.path, XDG_RUNTIME_DIR: runtime, PATH: process.env['PATH'] ?? '' };
  beadsDir = join(temp.path, '.beads');
  await initialise({
    directory: temp.path,
    env,
    clock: systemClock,
    log: silentLog,
    isLocal: true,
  });
});
afterEach(() => {
  kept.directory = undefined;
  temp[Symbol.dispose]();
});

async function startDaemon(stop: AbortSignal): Promise<{ ended: Promise<number> }> {
  let ended: Promise<number> | undefined;
  const word = await new Promise<string>((report) => {
    ended = runDaemon({
      beadsDir,
      env,
      clock: systemClock,
      program: import.meta.filename,
      staysWhenIdle: false,
      report: ({ kind }) => report(kind),
      stop,
    });
  });
  expect(word).toBe('ready');
  return { ended: ended ?? Promise.reject(new Error('not started')) };
}

test('a daemon that cannot take its link away makes room for the next one all the same', async () => {
  const { ended } = await startDaemon(new AbortController().signal);
  kept.directory = beadsDir;
  const client = createConnection(socketLinkPath(beadsDir));
  client.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'retire', params: {} })}\n`);
  const [answer] = (await once(client, 'data')) as [Buffer];
  expect(JSON.parse(answer.toString().split('\n')[0] ?? '')).toMatchObject({ id: 1, result: {} });
  client.destroy();
  expect(await ended).toBe(0);
});

test('one that is told to end does so in order, and nobody listens any more', async () => {
  const stop = new AbortController();
  const { ended } = await startDaemon(stop.signal);
  kept.directory = beadsDir;
  stop.abort('SIGTERM');
  expect(await ended).toBe(0);
  expect(readdirSync(join(temp.path, 'run', 'bd'))).toEqual([]);
});
