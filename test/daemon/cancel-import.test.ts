import { writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SLICE_RECORDS } from '../../src/core/limits.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { lineFraming } from '../../src/protocol/framing.ts';
import { decodeMessage, request, type Incoming } from '../../src/protocol/messages.ts';
import { startDaemonHere, type DaemonHere } from '../support/daemon-here.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const LINES = 8 * SLICE_RECORDS;

let temp: TempDirectory;
let daemon: DaemonHere;
let path: string;
const clients: Client[] = [];

interface Client {
  socket: Socket;
  received: Incoming[];
  send(message: object): void;
}

beforeEach(async () => {
  temp = createTempDirectory();
  path = join(temp.path, 'many.jsonl');
  const at = '2026-01-02T03:04:05Z';
  const lines = Array.from({ length: LINES }, (_, index) =>
    JSON.stringify({ id: `t-${index + 1000}`, title: 'One', created_at: at, updated_at: at }),
  );
  writeFileSync(path, `${lines.join('\n')}\n`);
  daemon = await startDaemonHere(temp.path, { clock: systemClock });
});
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  daemon.stop.abort('SIGTERM');
  expect(await daemon.ended).toBe(0);
  temp[Symbol.dispose]();
});

function connect(): Client {
  const socket = createConnection(join(temp.path, '.beads', 'bd.sock'));
  const received: Incoming[] = [];
  const framing = lineFraming({ bytesMax: Infinity });
  socket.on('data', (chunk: Buffer) => {
    received.push(...framing.push(chunk).map((body) => decodeMessage(body)));
  });
  const client: Client = {
    socket,
    received,
    send: (message) => void socket.write(framing.encode(JSON.stringify(message))),
  };
  clients.push(client);
  return client;
}

async function answer({ received }: Client, id: number): Promise<unknown> {
  const isAnswer = (each: Incoming): boolean => each.kind === 'response' && each.id === id;
  return await eventually(() => received.find(isAnswer), { what: `the answer to ${id}` });
}

async function countIssues(): Promise<number> {
  const client = connect();
  client.send(request(1, 'count_issues', {}));
  const { outcome } = (await answer(client, 1)) as { outcome: { result: { count: number } } };
  return outcome.result.count;
}

/** Begins an import, and returns when some of it is in the store. */
async function begin(method: string, params: object): Promise<Client> {
  const client = connect();
  client.send(request(1, method, params));
  // Asked again at once: it is over in a second.
  while ((await countIssues()) === 0);
  return client;
}

async function expectWholeSlices(): Promise<void> {
  const count = await countIssues();
  expect(count).toBeLessThan(LINES);
  expect(count % SLICE_RECORDS).toBe(0);
}

const CANCELLED = { outcome: { error: { code: -32_800, data: { code: 'REQUEST_CANCELLED' } } } };

test('an import that is cancelled stops between two slices, and can be made again', async () => {
  const client = await begin('import', { path });
  client.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 1 } });
  expect(await answer(client, 1)).toMatchObject(CANCELLED);
  await expectWholeSlices();
  client.send(request(2, 'import', { path }));
  expect(await answer(client, 2)).toMatchObject({ outcome: { result: { problems: [] } } });
  expect(await countIssues()).toBe(LINES);
});

test('so does the command, and it says nothing of that to a client that cancelled it', async () => {
  const argv = ['import', '-i', path];
  const client = await begin('run_command', { argv, cwd: temp.path });
  client.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 1 } });
  expect(await answer(client, 1)).toMatchObject(CANCELLED);
  const output = client.received.filter((each) => 'method' in each && each.method === 'output');
  expect(output).toEqual([]);
  await expectWholeSlices();
});
