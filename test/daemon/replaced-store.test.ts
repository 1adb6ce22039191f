import { once } from 'node:events';
import { readlinkSync, renameSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { request } from '../../src/protocol/messages.ts';
import { startDaemonHere } from '../support/daemon-here.ts';
import { createTempDirectory } from '../support/temp-directory.ts';

async function ask(socket: Socket, method: string, params: object = {}): Promise<unknown> {
  socket.write(`${JSON.stringify(request(1, method, params))}\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return JSON.parse(answer.toString().split('\n')[0] ?? '');
}

const DECLINED = { id: 1, error: { data: { code: 'DAEMON_RETIRING' } } };

test.each([
  ['a request', 'create_issue', { issue: { title: 'Lost?' } }],
  ['a read', 'list_issues', {}],
])(
  '%s on a connection from before the store was replaced is not begun, and the daemon ends',
  async (_what, method, params) => {
    using temp = createTempDirectory();
    const { beadsDir, ended } = await startDaemonHere(temp.path, { clock: systemClock });
    const link = join(beadsDir, 'bd.sock');
    const socket = createConnection(link);
    expect(await ask(socket, 'ping')).toMatchObject({ result: { message: 'pong' } });
    renameSync(join(beadsDir, 'beads.db'), join(temp.path, 'away.db'));
    expect(await ask(socket, method, params)).toMatchObject(DECLINED);
    // Its client finds the next daemon, not this one.
    expect(() => readlinkSync(link)).toThrow('ENOENT');
    expect(await ended).toBe(0);
  },
);
