import type { Socket } from 'node:net';
import { messageOf } from '../core/errors.ts';
import { lineFraming } from '../protocol/framing.ts';
import { parseBody } from '../protocol/messages.ts';

export interface MessageStream {
  send(message: object): void;
  /** Calls back with each decoded line until the connection ends or is destroyed. */
  read(handlers: {
    message: (message: unknown) => void;
    ended: (reason: string | undefined) => void;
  }): void;
}

/** One JSON message per line. */
export function openMessageStream(socket: Socket): MessageStream {
  // The daemon is trusted: answers have no limit.
  const framing = lineFraming({ bytesMax: Infinity });
  return {
    send: (message) => void socket.write(framing.encode(JSON.stringify(message))),
    read({ message, ended }) {
      let failure: string | undefined;
      socket.on('data', (chunk: Buffer) => {
        try {
          for (const body of framing.push(chunk)) {
            // A reader that needs no more messages destroys the socket.
            if (socket.destroyed) return;
            message(parseBody(body));
          }
        } catch (error) {
          failure = messageOf(error);
          socket.destroy();
        }
      });
      socket.on('error', (error) => {
        failure = error.message;
      });
      socket.on('close', () => ended(failure));
    },
  };
}
