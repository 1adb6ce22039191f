import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { toBdError, type BdError } from '../core/errors.ts';
import { BRIDGE_DRAIN_TIMEOUT_MS } from '../core/limits.ts';
import { lineFraming } from '../protocol/framing.ts';
import { notification } from '../protocol/messages.ts';
import { THIS_CLIENT } from '../protocol/handshake.ts';
import { createBoundedWriter, type BoundedWriter } from '../rpc/bounded-writer.ts';
import { McpSession } from './mcp-session.ts';

export interface Bridge {
  input: Readable;
  output: Writable;
  /** Finds the workspace and its daemon; rejects with the reason why not. */
  connect: () => Promise<Socket>;
  hello: { cwd: string; actor: string | undefined };
  say: (text: string) => void;
}

/**
 * Carries MCP between standard input and output and the daemon. When a daemon goes away, the next line
 * reaches another one: an MCP client does not restart its servers. Returns the exit code once the input
 * has ended.
 */
export function bridgeMcp(bridge: Bridge): Promise<number> {
  return new Promise((done) => {
    const { input, output } = bridge;
    const line = new DaemonLine(bridge);
    let isOver = false;
    const finish = (exitCode: number): void => {
      isOver = true;
      line.close();
      input.destroy();
      done(exitCode);
    };
    output.once('error', () => finish(0));
    const carry = async (): Promise<number> => {
      // A daemon that has to start is ready by the first request.
      await line.reach();
      for await (const text of readLines(input)) await line.send(text);
      return await line.finish();
    };
    carry().then(finish, (error: unknown) => {
      // A destroyed input may still report an error.
      if (isOver) return;
      const known = toBdError(error);
      bridge.say(`bd mcp: ${known.message}. ${known.remedy}\n`);
      finish(known.exitCode);
    });
  });
}

/** The connection to the current daemon. A line is latin1 text, so all bytes pass unchanged. */
class DaemonLine {
  readonly #bridge: Bridge;
  readonly #session = new McpSession();
  readonly #toClient: BoundedWriter;
  #toDaemon: BoundedWriter | undefined;
  #connection: Promise<Socket | undefined> | undefined;
  #failure: BdError | undefined;
  #isFinishing = false;
  #isClosed = false;
  #onSettled = (): void => {};

  constructor(bridge: Bridge) {
    this.#bridge = bridge;
    this.#toClient = createBoundedWriter(bridge.output);
  }

  /** Connects unless connected; undefined when no daemon can be reached, which is then reported. */
  reach(): Promise<Socket | undefined> {
    return (this.#connection ??= this.#open());
  }

  async send(line: string): Promise<void> {
    const socket = await this.reach();
    if (socket === undefined) return this.#refuse(line);
    this.#session.sent(line);
    if (!this.#write(socket, line)) await this.#toDaemon?.room();
  }

  /** Waits for the answers that are due; returns the exit code. */
  async finish(): Promise<number> {
    const socket = await this.#connection;
    this.#isFinishing = true;
    if (socket !== undefined) {
      // Closes our half of the socket, as the input has ended; the daemon still sends its answers.
      await new Promise<void>((resolve) => {
        this.#onSettled = resolve;
        setTimeout(resolve, BRIDGE_DRAIN_TIMEOUT_MS).unref();
        socket.end();
      });
    }
    return this.#failure?.exitCode ?? 0;
  }

  close(): void {
    this.#isClosed = true;
    void this.#connection?.then((socket) => socket?.destroy());
  }

  /** Keeps the bridge running without a daemon: a model sees an error answer, but not a server that exits. */
  async #open(): Promise<Socket | undefined> {
    try {
      const socket = await this.#bridge.connect();
      this.#failure = undefined;
      this.#serve(socket);
      return socket;
    } catch (error) {
      const known = toBdError(error);
      if (this.#failure?.message !== known.message) {
        this.#bridge.say(`bd mcp: ${known.message}. ${known.remedy}\n`);
      }
      this.#failure = known;
      this.#connection = undefined;
      return undefined;
    }
  }

  #serve(socket: Socket): void {
    socket.on('error', () => {}); // 'close' follows.
    socket.once('close', () => {
      this.#connection = undefined;
      if (!this.#isClosed) void this.#reconnect();
    });
    this.#toDaemon = createBoundedWriter(socket);
    const framing = lineFraming({ bytesMax: Infinity });
    socket.on('data', (chunk: Buffer) => {
      for (const body of framing.push(chunk)) {
        const line = textOf(body);
        if (this.#session.received(line)) this.#answer(line);
      }
      if (!this.#toClient.isFull()) return;
      socket.pause();
      void this.#toClient.room().then(() => socket.resume());
    });
    for (const text of [this.#greeting(), ...this.#session.opening()]) {
      socket.write(`${text}\n`, 'latin1');
    }
  }

  #greeting(): string {
    const params = { v: 1, ...this.#bridge.hello, pid: process.pid, client: THIS_CLIENT };
    return JSON.stringify(notification('bd/hello', params));
  }

  /** Sends the requests that are still open to another daemon; without any, waits for the next line. */
  async #reconnect(): Promise<void> {
    const { again, answers } = this.#session.cut();
    for (const text of answers) this.#answer(text);
    const socket = again.length > 0 ? await this.reach() : undefined;
    for (const text of again) {
      if (socket === undefined) this.#refuse(text);
      else this.#write(socket, text);
    }
    if (this.#isFinishing) socket?.end();
    if (this.#session.waiting() === 0 || socket === undefined) this.#onSettled();
  }

  #write(socket: Socket, text: string): boolean {
    return socket.write(`${text}\n`, 'latin1', (error) => {
      if (error) this.#session.undelivered(text);
    });
  }

  #refuse(text: string): void {
    const answer =
      this.#failure === undefined ? undefined : this.#session.refuse(text, this.#failure);
    if (answer !== undefined) this.#answer(answer);
  }

  #answer(text: string): void {
    this.#bridge.output.write(`${text}\n`, 'latin1');
  }
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
