import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { ERRORS, toBdError, type BdError } from '../core/errors.ts';
import { BRIDGE_DRAIN_TIMEOUT_MS } from '../core/limits.ts';
import { createLineSplitter } from '../protocol/framing.ts';
import { errorReply, notification, readMessage } from '../protocol/messages.ts';

export interface Bridge {
  input: Readable;
  output: Writable;
  /** Finds the workspace and its daemon; rejects with the reason why not. */
  connect: () => Promise<Socket>;
  hello: { cwd: string; actor?: string };
  say: (text: string) => void;
}

/**
 * Carries MCP between standard input and output and the daemon, which speaks it. Returns the exit
 * code once either side has ended.
 */
export async function bridgeMcp(bridge: Bridge): Promise<number> {
  let socket: Socket;
  try {
    socket = await bridge.connect();
  } catch (error) {
    return await answerWithFailure(bridge, toBdError(error));
  }
  const hello = notification('bd/hello', { v: 1, ...bridge.hello, pid: process.pid });
  socket.write(`${JSON.stringify(hello)}\n`);
  return await carry(socket, bridge);
}

function carry(socket: Socket, { input, output, say }: Bridge): Promise<number> {
  return new Promise((done) => {
    let isInputEnded = false;
    const finish = (exitCode: number): void => {
      socket.destroy();
      input.destroy();
      done(exitCode);
    };
    // Ends our half of the socket with the input; the answers that are due still come.
    input.pipe(socket);
    socket.pipe(output, { end: false });
    input.once('end', () => {
      isInputEnded = true;
      setTimeout(() => finish(0), BRIDGE_DRAIN_TIMEOUT_MS).unref();
    });
    output.once('error', () => finish(0));
    socket.on('error', () => {}); // Told by 'close'.
    socket.once('close', () => {
      if (isInputEnded) return finish(0);
      say('bd mcp: the daemon went away; start this MCP server again to go on\n');
      finish(ERRORS.DAEMON_UNAVAILABLE.exit);
    });
  });
}

/** A server that does not start is invisible to a model: this one starts, and says what is wrong. */
async function answerWithFailure(
  { input, output, say }: Bridge,
  failure: BdError,
): Promise<number> {
  say(`bd mcp: ${failure.message}. ${failure.remedy}\n`);
  const splitter = createLineSplitter();
  for await (const chunk of input as AsyncIterable<Buffer>) {
    for (const line of splitter.push(chunk)) {
      const id = readRequestId(line);
      if (id !== undefined) output.write(`${JSON.stringify(errorReply(id, failure))}\n`);
    }
  }
  return failure.exitCode;
}

function readRequestId(line: string) {
  try {
    const message = readMessage(JSON.parse(line));
    return message.kind === 'request' ? message.id : undefined;
  } catch {
    // Not a message: there is nobody to answer.
    return undefined;
  }
}
