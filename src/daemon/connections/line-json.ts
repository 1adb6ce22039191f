import { createLineSplitter } from '../../protocol/framing.ts';
import { readBrokenMessage, readMessage, type Incoming } from '../../protocol/messages.ts';
import { serveRpc, type ConnectionOptions, type ServedConnection } from './rpc-connection.ts';

/** One JSON message per line, for `bd` itself, scripts and `nc`. */
export function serveLineJson(options: ConnectionOptions): ServedConnection {
  const splitter = createLineSplitter();
  return serveRpc(options, {
    read(chunk, receive) {
      for (const line of splitter.push(chunk)) {
        if (line.trim() !== '') receive(parse(line), line.length);
      }
    },
    readRest(receive) {
      const line = splitter.rest();
      if (line.trim() !== '') receive(parse(line), line.length);
    },
    isBehind: () => false,
    begun: () => splitter.pending(),
    drop: () => splitter.drop(),
    write: (message) => `${JSON.stringify(message)}\n`,
  });
}

function parse(line: string): Incoming {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return readBrokenMessage(error);
  }
  return readMessage(value);
}
