import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { toBdError, type BdError } from '../core/errors.ts';
import { BRIDGE_DRAIN_TIMEOUT_MS } from '../core/limits.ts';
import { VERSION } from '../core/version.ts';
import { lineFraming } from '../protocol/framing.ts';
import { notification } from '../protocol/messages.ts';
import { PROTOCOL } from '../protocol/handshake.ts';
import { createBoundedWriter, type BoundedWriter } from '../rpc/bounded-writer.ts';
import { McpSession } from './mcp-session.ts';

export interface Bridge {
  input: Readable;
  output: Writable;
  /** Finds the workspace and its daemon; rejects with the reason why not. */
  connect: () => Promise<Socket>;
  hello: { cwd: string; actor?: string };
  say: (text: string) => void;
}

/**
 * Carries MCP between standard input and output and the daemon, which speaks it. When the daemon goes
 * away, the next line finds another one: an MCP client does not start its servers again. Returns the exit
 * code once the input has ended.
 */
export function bridgeMcp(bridge: Bridge): Promise<number> {
  return new Promise((done) => {
    const { input, output } = bridge;
    const line = createDaemonLine(bridge);
    let isOver = false;
    const finish = (exitCode: number): void => {
      isOver = true;
      line.close();
      input.destroy();
      done(exitCode);
    };
    output.once('error', () => finish(0));
    const carry = async (): Promise<number> => {
      // A daemon that has to be started is there when it is asked for something.
      await line.reach();
      for await (const text of readLines(input)) await line.send(text);
      return await line.finish();
    };
    carry().then(finish, (error: unknown) => {
      // What a destroyed input still reports is no news.
      if (isOver) return;
      const known = toBdError(error);
      bridge.say(`bd mcp: ${known.message}. ${known.remedy}\n`);
      finish(known.exitCode);
    });
  });
}

interface DaemonLine {
  reach(): Promise<Socket | undefined>;
  send(line: string): Promise<void>;
  /** Waits for the answers that are due; returns the exit code. */
  finish(): Promise<number>;
  close(): void;
}

/** A connection to whichever daemon there is. Lines are bytes, each a character: they go by as they came. */
function createDaemonLine({ output, connect, hello, say }: Bridge): DaemonLine {
  const session = new McpSession();
  const toClient = createBoundedWriter(output);
  let toDaemon: BoundedWriter | undefined;
  const client = { version: VERSION, protocol: [PROTOCOL.min, PROTOCOL.max] };
  const greeting = JSON.stringify(
    notification('bd/hello', { v: 1, ...hello, pid: process.pid, client }),
  );
  let connection: Promise<Socket | undefined> | undefined;
  let failure: BdError | undefined;
  let isFinishing = false;
  let isClosed = false;
  let settled = (): void => {};

  /** A server that does not start is invisible to a model: this one goes on, and says what is wrong. */
  const open = async (): Promise<Socket | undefined> => {
    try {
      const socket = await connect();
      failure = undefined;
      serve(socket);
      return socket;
    } catch (error) {
      const known = toBdError(error);
      if (failure?.message !== known.message) say(`bd mcp: ${known.message}. ${known.remedy}\n`);
      failure = known;
      connection = undefined;
      return undefined;
    }
  };

  const serve = (socket: Socket): void => {
    socket.on('error', () => {}); // Told by 'close'.
    socket.once('close', () => {
      connection = undefined;
      // Nobody is there to be answered.
      if (!isClosed) void goOn();
    });
    toDaemon = createBoundedWriter(socket);
    const framing = lineFraming({ bytesMax: Infinity });
    socket.on('data', (chunk: Buffer) => {
      for (const body of framing.push(chunk)) {
        const line = textOf(body);
        if (session.received(line)) output.write(`${line}\n`, 'latin1');
      }
      if (!toClient.isFull()) return;
      socket.pause();
      void toClient.room().then(() => socket.resume());
    });
    for (const text of [greeting, ...session.opening()]) socket.write(`${text}\n`, 'latin1');
  };

  /** With another daemon, as far as anybody waits for something. */
  const goOn = async (): Promise<void> => {
    const { again, answers } = session.cut();
    for (const text of answers) output.write(`${text}\n`, 'latin1');
    const socket = again.length > 0 ? await reach() : undefined;
    for (const text of again) {
      if (socket === undefined) refuse(text);
      else write(socket, text);
    }
    if (isFinishing) socket?.end();
    if (session.waiting() === 0 || socket === undefined) settled();
  };

  const write = (socket: Socket, text: string): boolean =>
    socket.write(`${text}\n`, 'latin1', (error) => {
      if (error) session.undelivered(text);
    });

  const refuse = (text: string): void => {
    const answer = failure === undefined ? undefined : session.refuse(text, failure);
    if (answer !== undefined) output.write(`${answer}\n`, 'latin1');
  };

  const reach = (): Promise<Socket | undefined> => (connection ??= open());

  return {
    reach,
    async send(line) {
      const socket = await reach();
      if (socket === undefined) return refuse(line);
      session.sent(line);
      if (!write(socket, line)) await toDaemon?.room();
    },
    async finish() {
      const socket = await connection;
      isFinishing = true;
      if (socket !== undefined) {
        // Ends our half of the socket with the input; the answers that are due still come.
        await new Promise<void>((resolve) => {
          settled = resolve;
          setTimeout(resolve, BRIDGE_DRAIN_TIMEOUT_MS).unref();
          socket.end();
        });
      }
      return failure?.exitCode ?? 0;
    },
    close() {
      isClosed = true;
      void connection?.then((socket) => socket?.destroy());
    },
  };
}

async function* readLines(input: Readable): AsyncGenerator<string> {
  const framing = lineFraming();
  for await (const chunk of input as AsyncIterable<Buffer>) {
    for (const body of framing.push(chunk)) yield textOf(body);
  }
}

/** Each byte a character. */
function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1');
}
