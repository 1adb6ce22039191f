import type { Socket } from 'node:net';
import { messageOf } from '../core/errors.ts';
import { lineFraming } from '../protocol/framing.ts';
import { parseBody } from '../protocol/messages.ts';

/**
 * One JSON message per line. Calls back with each message until the connection ends or is destroyed;
 * returns what sends one.
 */
export function openMessageStream(
  socket: Socket,
  handlers: {
    message: (message: unknown) => void;
    ended: (reason: string | undefined) => void;
  },
): (message: object) => void {
  // The daemon is trusted: answers have no limit.
  const framing = lineFraming({ bytesMax: Infinity });
  let failure: string | undefined;
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const body of framing.push(chunk)) {
        // A reader that needs no more messages destroys the socket.
        if (socket.destroyed) return;
        handlers.message(parseBody(body));
      }
    } catch (error) {
      failure = messageOf(error);
      socket.destroy();
    }
  });
  socket.on('error', (error) => {
    failure = error.message;
  });
  socket.on('close', () => handlers.ended(failure));
  return (message) => void socket.write(framing.encode(JSON.stringify(message)));
}
