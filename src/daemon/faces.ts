import type { Log } from '../platform/log.ts';
import { bridgeHello } from '../protocol/daemon-methods.ts';
import { beginsAsJson, beginsAsLsp, beginsAsMcp, firstLine } from '../protocol/first-bytes.ts';
import { lineFraming, lspFraming, type Framing } from '../protocol/framing.ts';
import type { Call } from '../protocol/methods.ts';
import type { McpOptions } from '../mcp/mcp-server.ts';
import { Connection, type Handle } from '../rpc/connection.ts';
import type { Face } from '../rpc/face.ts';

interface FaceOptions {
  handle: Handle;
  call: Call;
  /** Throws when what begins with these parameters is for another daemon. */
  admit: (params: unknown) => void;
  log: Log;
}

/** What the daemon's socket speaks. A connection belongs to the first face that knows its first bytes. */
export function createFaces(options: FaceOptions): readonly Face[] {
  return [
    mcpFace(options),
    rpcFace('line-json', options, { matches: beginsAsJson, framing: lineFraming }),
    rpcFace('lsp', options, { matches: beginsAsLsp, framing: lspFraming }),
  ];
}

/** JSON-RPC, for `bd` itself, scripts and editors. */
export function rpcFace(
  name: string,
  { handle, log }: Pick<FaceOptions, 'handle' | 'log'>,
  { matches, framing }: { matches: Face['matches']; framing: () => Framing },
): Face {
  return {
    name,
    matches,
    load: () => (opened) => new Connection({ ...opened, handle, log, framing: framing() }),
  };
}

function mcpFace({ call, admit, log }: FaceOptions): Face {
  return {
    name: 'mcp',
    matches: beginsAsMcp,
    async load() {
      const { serveMcp } = await import('../mcp/mcp-server.ts');
      return ({ initial, ...opened }) =>
        serveMcp({ ...opened, ...readHello(initial, { admit }), call, log });
    },
  };
}

/** The hello is from `bd mcp` to the daemon; all that follows is MCP. */
function readHello(
  bytes: Buffer,
  { admit }: Pick<FaceOptions, 'admit'>,
): Pick<McpOptions, 'hello' | 'initial'> {
  const { method, params } = JSON.parse(firstLine(bytes) ?? '') as Record<string, unknown>;
  if (method !== 'bd/hello') {
    admit(undefined);
    return { hello: {}, initial: bytes };
  }
  admit(params);
  const end = bytes.indexOf('\n', bytes.indexOf('{'));
  return { hello: bridgeHello.check(params ?? {}, method), initial: bytes.subarray(end + 1) };
}
