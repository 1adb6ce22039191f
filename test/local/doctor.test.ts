import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClientHost } from '../../src/local/client-host.ts';
import { examine } from '../../src/local/doctor.ts';
import { VERSION } from '../../src/core/version.ts';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import { pointLink, workspaceKey } from '../../src/place/socket-link.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let beadsDir: string;
let server: Server;
let asked: unknown[];

const SYNC = { state: 'failed', pending: 3, oldest_pending_s: 5, error: 'it is odd', remedy: null };
const STATUS = { version: VERSION, pid: 4711, sync: SYNC, last_error: null, uptime_ms: 0 };

beforeEach(async () => {
  temp = createTempDirectory();
  beadsDir = join(temp.path, 'p', '.beads');
  mkdirSync(beadsDir, { recursive: true });
  writeFileSync(join(beadsDir, 'metadata.json'), '{"project_id":"p"}');
  mkdirSync(join(temp.path, 'bd'), { mode: 0o700 });
  asked = [];
  server = createServer((socket) => {
    socket.setEncoding('utf8').on('data', (text) => {
      asked.push((JSON.parse(String(text)) as { method: unknown }).method);
      socket.end(`${JSON.stringify({ jsonrpc: '2.0', id: 1, result: STATUS })}\n`);
    });
  });
  const socketPath = join(temp.path, 'bd', `${workspaceKey({ beadsDir })}-1.sock`);
  await new Promise<void>((done) => server.listen(socketPath, done));
  pointLink(new WorkspacePlace(beadsDir).socketLink, socketPath);
});
afterEach(() => {
  server.close();
  temp[Symbol.dispose]();
});

test('all that a daemon has to say for it, it is asked for once', async () => {
  const host: ClientHost = {
    cwd: join(temp.path, 'p'),
    env: { HOME: temp.path, PATH: process.env['PATH'] },
    databaseFlag: undefined,
    handover: undefined,
    program: { file: '', execPath: '' },
    cliFile: '',
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    serve: () => Promise.reject(new Error('not here')),
    interrupted: () => new AbortController().signal,
  };
  const { checks } = await examine(host);
  expect(asked).toEqual(['daemon_status']);
  const messageOf = (name: string) => checks.find((check) => check.name === name)?.message;
  expect(messageOf('Daemon')).toContain('running (PID 4711');
  expect(messageOf('Sharing')).toBe('it is odd');
});
