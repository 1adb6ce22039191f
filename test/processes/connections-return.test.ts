import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CONNECTIONS_MAX,
  FIRST_BYTES_TIMEOUT_MS,
  MESSAGE_TIMEOUT_MS,
} from '../../src/core/limits.ts';
import { startBareDaemon } from '../support/bare-daemon.ts';
import { daemonPidOf } from '../support/daemon-processes.ts';
import { eventually } from '../support/eventually.ts';
import { createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

/** `CONNECTIONS=10000` makes more of them. */
const CONNECTIONS = Number(process.env['CONNECTIONS'] ?? 2_000);
const HALF_OPEN = CONNECTIONS / 10;

/** So many requests and a daemon has compiled what serves them. */
const WARM_UP = 1_000;

/** Of the heap after a collection: what 600 bytes for each connection would exceed. */
const HEAP_GROWTH_MAX = CONNECTIONS * 600;

/** In a row on one core; more at once than an editor and a swarm of agents have. */
const AT_ONCE = 20;

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createTestWorkspace({ git: 'none', client: 'here' });
  await workspace.bdText(['init', '--prefix', 't', '--no-daemon']);
  await workspace.bdText(['q', 'One', '--no-daemon']);
  // V8 lets the space for new objects grow with the load, and collects and gives back when it likes: more
  // than what a leak would take. So that space is kept small, and the daemon collects when it is asked to.
  const preload = join(workspace.root, 'collect.cjs');
  writeFileSync(preload, "process.on('SIGUSR2', () => globalThis.gc());");
  const daemon = startBareDaemon(workspace, {
    env: workspace.env,
    nodeOptions: ['--max-semi-space-size=1', '--expose-gc', '--require', preload],
  });
  expect(await daemon.firstWord).toBe('R');
});
afterAll(() => workspace[Symbol.asyncDispose]());

const open = (): Socket => createConnection(join(workspace.beadsDir, 'bd.sock'));

const LIST = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'list_issues', params: {} })}\n`;

/** Connects, asks, reads the answer, disconnects. */
function askOnce(): Promise<void> {
  return new Promise((done, fail) => {
    const socket = open();
    socket.once('error', fail);
    socket.once('data', () => {
      socket.destroy();
      done();
    });
    socket.write(LIST);
  });
}

async function askMany(count: number): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await askOnce();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const linesOf = (file: string): string =>
  readFileSync(`/proc/${workspace.daemonPid()}/${file}`, 'utf8');

const descriptors = (): number => readdirSync(`/proc/${workspace.daemonPid()}/fd`).length;

interface Status {
  connections: number;
  heap_bytes: number;
}

const status = (): Promise<Status> => workspace.bdJson<Status>(['daemon', 'status']);

/** After a collection. */
async function memory(): Promise<{ residentKib: number; heapBytes: number }> {
  process.kill(daemonPidOf(workspace), 'SIGUSR2');
  // Answered behind it.
  const { heap_bytes: heapBytes } = await status();
  return { residentKib: Number(/^VmRSS:\s*(\d+)/m.exec(linesOf('status'))?.[1]), heapBytes };
}

type Stick = (socket: Socket) => void;

/** Clients that get stuck before it is clear what they speak. */
const MUTE: readonly Stick[] = [
  () => {},
  (socket) => socket.write('Conten'),
  (socket) => socket.end(),
  (socket) => socket.end('{"jsonrpc":"2.0","id":1,"meth'),
];

/** And in the middle of a message; they are waited for longer. */
const STUCK: readonly Stick[] = [
  (socket) => socket.write('{"jsonrpc":"2.0","id":1,"meth'),
  (socket) => socket.write('Content-Length: 2'),
  (socket) => socket.write('Content-Length: 200\r\n\r\n{"jsonrpc"'),
];

const FREED = {
  deadlineMs: 3 * (FIRST_BYTES_TIMEOUT_MS + MESSAGE_TIMEOUT_MS),
  what: 'the end of all half-open connections',
};

test.skipIf(process.platform !== 'linux')(
  `${CONNECTIONS} calls and ${HALF_OPEN} half-open connections leave descriptors and memory as they were (read from /proc)`,
  async () => {
    // What it compiles at its first requests is no leak.
    await askMany(WARM_UP);
    for (const stick of [...MUTE, ...STUCK]) stick(open());
    await eventually(async () => (await status()).connections === 1, FREED);
    const before = { descriptors: descriptors(), ...(await memory()) };

    await askMany(CONNECTIONS);
    const stuck: Socket[] = [];
    let ended = 0;
    while (stuck.length < HALF_OPEN) {
      // In groups that all are let in, so that each is one of the daemon's own to get rid of.
      const kinds = stuck.length === 0 ? [...STUCK, ...MUTE] : MUTE;
      const group = Array.from({ length: CONNECTIONS_MAX - 50 }, open);
      for (const [at, socket] of group.entries()) {
        socket.on('error', () => {});
        socket.once('close', () => (ended += 1));
        socket.resume();
        kinds[at % kinds.length]?.(socket);
      }
      stuck.push(...group);
      // Half of them go away by themselves, as a killed client does; of the rest the daemon frees itself.
      for (const socket of group.filter((_, at) => at % 2 === 0)) socket.destroy();
      await eventually(() => ended === stuck.length, FREED);
    }
    expect(await status()).toMatchObject({ connections: 1 });
    await eventually(() => descriptors() <= before.descriptors * 1.1, { what: 'descriptors' });
    await eventually(
      async () => {
        const { residentKib, heapBytes } = await memory();
        const isSame = heapBytes <= before.heapBytes + HEAP_GROWTH_MAX;
        return isSame && residentKib <= before.residentKib * 1.1;
      },
      { what: `memory near ${before.residentKib} KiB, heap near ${before.heapBytes} bytes` },
    );
  },
  300_000,
);
