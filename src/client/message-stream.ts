import type { Socket } from 'node:net';
import { messageOf } from '../core/errors.ts';

export interface MessageStream {
  send(message: object): void;
  /** Calls back with each decoded line until the connection ends, or is let go of. */
  read(handlers: {
    message: (message: unknown) => void;
    ended: (reason: string | undefined) => void;
  }): void;
}

/** One JSON message per line, by hand: the client loads nothing but node:net. */
export function openMessageStream(socket: Socket): MessageStream {
  return {
    send: (message) => void socket.write(`${JSON.stringify(message)}\n`),
    read({ message, ended }) {
      let buffered = '';
      let failure: string | undefined;
      socket.setEncoding('utf8');
      socket.on('data', (text: string) => {
        buffered += text;
        if (!text.includes('\n')) return;
        const lines = buffered.split('\n');
        buffered = lines.pop() ?? '';
        try {
          for (const line of lines) {
            // Who has heard enough lets go of the connection, and hears nothing more.
            if (socket.destroyed) return;
            message(JSON.parse(line));
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
