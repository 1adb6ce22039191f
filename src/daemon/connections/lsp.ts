import { PassThrough } from 'node:stream';
import { StreamMessageReader, type Message } from 'vscode-jsonrpc/node';
import { createLspGuard } from '../../protocol/framing.ts';
import { readBrokenMessage, readMessage, type Incoming } from '../../protocol/messages.ts';
import { serveRpc, type ConnectionOptions, type ServedConnection } from './rpc-connection.ts';

/** The framing of the Language Server Protocol, for editors. Loaded with the first such connection. */
export function serveLsp(options: ConnectionOptions): ServedConnection {
  const guard = createLspGuard();
  const inbound = new PassThrough();
  const reader = new StreamMessageReader(inbound);
  let receive: (message: Incoming) => void = () => {};
  // The reader decodes in its own time: a client that ends its side still gets every answer.
  let undecoded = 0;
  const deliver = (message: Incoming): void => {
    undecoded -= 1;
    receive(message);
  };
  reader.listen((message: Message) => deliver(readMessage(message)));
  reader.onError((error) => deliver(readBrokenMessage(error)));
  options.socket.on('close', () => {
    reader.dispose();
    inbound.destroy();
  });
  return serveRpc(options, {
    read(chunk, next) {
      receive = next;
      undecoded += guard.inspect(chunk);
      inbound.write(chunk);
    },
    readRest: () => {},
    isBehind: () => undecoded > 0,
    write(message) {
      const body = JSON.stringify(message);
      return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    },
  });
}
