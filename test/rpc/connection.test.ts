import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BdError } from '../../src/core/errors.ts';
import { REQUESTS_PER_CONNECTION_MAX } from '../../src/core/limits.ts';
import { silentLog } from '../../src/platform/log.ts';
import { lineFraming, lspFraming, type Framing } from '../../src/protocol/framing.ts';
import { decodeMessage, type Incoming } from '../../src/protocol/messages.ts';
import { Connection, type Caller, type Handle } from '../../src/rpc/connection.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let server: Server;
let connection: Connection;
let client: Socket;
let served: Socket;
let received: Incoming[];
let framing: Framing;
/** The requests that run, by method. */
let callers: Map<string, Caller>;
let finish: Map<string, (result: unknown) => void>;

/** Each request runs until the test or its signal ends it. */
const handle: Handle = (method, _params, caller) =>
  new Promise((resolve, reject) => {
    callers.set(method, caller);
    finish.set(method, resolve);
    if (method === 'subscribe') caller.keepOpen();
    caller.signal.addEventListener('abort', () => {
      if (method !== 'stubborn') reject(caller.signal.reason as Error);
    });
  });

async function connect(make: () => Framing): Promise<void> {
  framing = make();
  const path = join(temp.path, 's.sock');
  server = createServer({ allowHalfOpen: true }, (socket) => {
    served = socket;
    connection = new Connection({
      socket,
      handle,
      log: silentLog,
      framing: make(),
      becomePassive() {},
    });
  });
  await new Promise<void>((done) => server.listen(path, done));
  client = createConnection({ path, allowHalfOpen: true });
  client.on('error', () => {});
  client.on('data', (chunk: Buffer) => {
    received.push(...framing.push(chunk).map((body) => decodeMessage(body)));
  });
  await eventually(() => connection);
}

beforeEach(() => {
  temp = createTempDirectory();
  [received, callers, finish] = [[], new Map(), new Map()];
});
afterEach(async () => {
  client.destroy();
  served.destroy();
  await new Promise((done) => server.close(done));
  temp[Symbol.dispose]();
});

const send = (message: object): void =>
  void client.write(framing.encode(JSON.stringify({ jsonrpc: '2.0', ...message })));

const cancel = (id: unknown): void => send({ method: '$/cancelRequest', params: { id } });

const answerTo = (id: unknown) =>
  eventually(() => received.find((each) => each.kind === 'response' && each.id === id), {
    what: `the answer to ${String(id)}`,
  });

const begun = (method: string) => eventually(() => callers.get(method), { what: method });

const CANCELLED = { outcome: { error: { code: -32_800, data: { code: 'REQUEST_CANCELLED' } } } };

describe.each([
  ['one message a line', lineFraming],
  ['LSP framing', lspFraming],
])('cancellation over %s', (_name, make) => {
  test('reaches the request with that id only, which is answered with an error', async () => {
    await connect(make);
    send({ id: 1, method: 'one' });
    send({ id: '1', method: 'two' });
    await begun('two');
    cancel(1);
    expect(await answerTo(1)).toMatchObject(CANCELLED);
    expect(callers.get('two')?.signal.aborted).toBe(false);
    finish.get('two')?.('done');
    expect(await answerTo('1')).toMatchObject({ outcome: { result: 'done' } });
  });
});

describe('cancellation', () => {
  beforeEach(() => connect(lineFraming));

  test('of a request that waits for its turn keeps it from being begun', async () => {
    for (let id = 0; id < REQUESTS_PER_CONNECTION_MAX; id += 1) send({ id, method: `run ${id}` });
    send({ id: 'late', method: 'late' });
    await begun(`run ${REQUESTS_PER_CONNECTION_MAX - 1}`);
    connection.cancel('late');
    finish.get('run 0')?.(0);
    expect(await answerTo('late')).toMatchObject(CANCELLED);
    expect(callers.has('late')).toBe(false);
  });

  test('is read while as many requests run as may', async () => {
    for (let id = 0; id < REQUESTS_PER_CONNECTION_MAX; id += 1) send({ id, method: `run ${id}` });
    await begun(`run ${REQUESTS_PER_CONNECTION_MAX - 1}`);
    cancel(3);
    expect(await answerTo(3)).toMatchObject(CANCELLED);
  });

  test('of a request that is done, or never came, changes nothing', async () => {
    cancel('unknown');
    cancel(undefined);
    send({ id: 1, method: 'stubborn' });
    await begun('stubborn');
    cancel(1);
    finish.get('stubborn')?.('done all the same');
    expect(await answerTo(1)).toMatchObject({ outcome: { result: 'done all the same' } });
    cancel(1);
    send({ id: 2, method: 'next' });
    await begun('next');
    expect(callers.get('next')?.signal.aborted).toBe(false);
  });

  test('ends what the request asked its client, who is told so', async () => {
    send({ id: 1, method: 'ask' });
    const caller = await begun('ask');
    const asked = caller.call('read_stdin', {});
    const refused = expect(asked).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
    cancel(1);
    await refused;
    const notice = await eventually(() => received.find((each) => each.kind === 'notification'));
    expect(notice).toMatchObject({ method: '$/cancelRequest', params: { id: 'bd-1' } });
  });

  test('silences the request: what it still says is not sent', async () => {
    send({ id: 1, method: 'one' });
    const caller = await begun('one');
    cancel(1);
    await answerTo(1);
    await caller.notify('output', {});
    send({ id: 2, method: 'two' });
    await begun('two');
    finish.get('two')?.(0);
    await answerTo(2);
    expect(received.map(({ kind }) => kind)).toEqual(['response', 'response']);
  });
});

describe('the end of a connection', () => {
  beforeEach(() => connect(lineFraming));

  test('reaches what runs there, and the connection’s own signal', async () => {
    send({ id: 1, method: 'one' });
    const caller = await begun('one');
    client.destroy();
    // A client that only sends no more looks the same, until something is written to it.
    await eventually(async () => {
      await caller.notify('heartbeat', {});
      return connection.signal.aborted;
    });
    expect(caller.signal.reason).toMatchObject({ code: 'CONNECTION_ENDED' });
  });

  test('a client that sends no more gets its answers, and its subscriptions end', async () => {
    send({ id: 1, method: 'one' });
    send({ id: 2, method: 'subscribe' });
    await begun('subscribe');
    client.end();
    expect(await answerTo(2)).toMatchObject({
      outcome: { error: { data: { code: 'CONNECTION_ENDED' } } },
    });
    finish.get('one')?.('done');
    expect(await answerTo(1)).toMatchObject({ outcome: { result: 'done' } });
  });

  test('subscriptions take no other request’s place, and are bounded themselves', async () => {
    for (let id = 0; id < REQUESTS_PER_CONNECTION_MAX; id += 1) send({ id, method: 'subscribe' });
    send({ id: 'one', method: 'one' });
    await begun('one');
    send({ id: 'too many', method: 'subscribe' });
    expect(await answerTo('too many')).toMatchObject({
      outcome: { error: { data: { code: 'LIMIT_EXCEEDED' } } },
    });
  });

  test('the end of the daemon ends subscriptions at once, and waits for the rest', async () => {
    send({ id: 1, method: 'one' });
    send({ id: 2, method: 'subscribe' });
    await begun('subscribe');
    const drained = connection.drain(new BdError('DAEMON_RETIRING', { message: 'x', remedy: 'y' }));
    expect(await answerTo(2)).toMatchObject({
      outcome: { error: { data: { code: 'DAEMON_RETIRING' } } },
    });
    expect(callers.get('one')?.signal.aborted).toBe(false);
    finish.get('one')?.('done');
    await drained;
    expect(await answerTo(1)).toMatchObject({ outcome: { result: 'done' } });
  });
});
