import { PassThrough } from 'node:stream';
import { StreamMessageReader, type Message } from 'vscode-jsonrpc/node';
import { createLspGuard } from '../../protocol/framing.ts';
import { readBrokenMessage, readMessage, type Incoming } from '../../protocol/messages.ts';
import {
  serveRpc,
  type ConnectionOptions,
  type Receive,
  type ServedConnection,
} from './rpc-connection.ts';

/** The framing of the Language Server Protocol, for editors. Loaded with the first such connection. */
export function serveLsp(options: ConnectionOptions): ServedConnection {
  const guard = createLspGuard();
  const inbound = new PassThrough();
  const reader = new StreamMessageReader(inbound);
  let receive: Receive = () => {};
  // The reader decodes in its own time: a client that ends its side still gets every answer.
  const undecoded: number[] = [];
  const deliver = (message: Incoming): void => receive(message, undecoded.shift() ?? 0);
  const drop = (): void => {
    reader.dispose();
    inbound.destroy();
  };
  reader.listen((message: Message) => deliver(readMessage(message)));
  reader.onError((error) => deliver(readBrokenMessage(error)));
  options.socket.on('close', drop);
  return serveRpc(options, {
    read(chunk, next) {
      receive = next;
      undecoded.push(...guard.inspect(chunk));
      inbound.write(chunk);
    },
    readRest: () => {},
    isBehind: () => undecoded.length > 0,
    begun: () => guard.pending(),
    drop,
    write(message) {
      const body = JSON.stringify(message);
      return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    },
  });
}
