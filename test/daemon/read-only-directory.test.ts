import { once } from 'node:events';
import type * as NodeFs from 'node:fs';
import { readdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { startDaemonHere } from '../support/daemon-here.ts';
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

beforeEach(() => {
  temp = createTempDirectory();
});
afterEach(() => {
  kept.directory = undefined;
  temp[Symbol.dispose]();
});

test('a daemon that cannot take its link away makes room for the next one all the same', async () => {
  const { beadsDir, ended } = await startDaemonHere(temp.path, { clock: systemClock });
  kept.directory = beadsDir;
  const client = createConnection(new WorkspacePlace(beadsDir).socketLink);
  client.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'retire', params: {} })}\n`);
  const [answer] = (await once(client, 'data')) as [Buffer];
  expect(JSON.parse(answer.toString().split('\n')[0] ?? '')).toMatchObject({ id: 1, result: {} });
  client.destroy();
  expect(await ended).toBe(0);
});

test('one that is told to end does so in order, and nobody listens any more', async () => {
  const daemon = await startDaemonHere(temp.path, { clock: systemClock });
  const { beadsDir, runtimeDirectory, stop, ended } = daemon;
  kept.directory = beadsDir;
  stop.abort('SIGTERM');
  expect(await ended).toBe(0);
  expect(readdirSync(runtimeDirectory)).toEqual([]);
});
