import { NAME_CHARS_MAX, TEXT_CHARS_MAX } from '../core/limits.ts';
import type { SyncStatus } from '../core/sharing.ts';
import type { Timestamp } from '../core/timestamp.ts';
import {
  flag,
  integer,
  json,
  list,
  object,
  optional,
  text,
  type Shape,
  type ShapeOf,
} from './shape.ts';
import { control, read, result, type ResultOf } from './methods/method.ts';

/** An object of texts with any names. */
const texts: Shape<Record<string, string>> = {
  json: { type: 'object', additionalProperties: { type: 'string' } },
  check: (value, place) =>
    object(
      Object.fromEntries(
        Object.keys(value ?? {}).map((name) => [name, text({ max: TEXT_CHARS_MAX })]),
      ),
    ).check(value, place),
};

/** Methods of the daemon itself, not of its workspace. */
export const DAEMON_METHODS = {
  /** Read by handshake.ts: a newer client may send members that are not known here. */
  hello: { effect: 'read', params: json(), result: result<HelloResult>() } as const,
  daemon_status: read({}, result<DaemonStatusResult>()),
  /** Finishes running requests and ends, so that another daemon can start. */
  retire: control(
    { reason: optional(text({ max: NAME_CHARS_MAX })) },
    result<{ message: string }>(),
  ),
  /** Answers first, then finishes running requests and ends. */
  shutdown: control({}, result<{ message: string }>()),
  /** What `bd` itself sends. Until the answer, the daemon sends `output`, `heartbeat` and `read_stdin`. */
  run_command: control(
    {
      argv: list(text({ max: TEXT_CHARS_MAX }), { max: 100_000 }),
      cwd: text({ min: 1, max: 4096 }),
      env: optional(texts),
      stdout_tty: optional(flag()),
      columns: optional(integer({ min: 0, max: 100_000 })),
      /** Milliseconds since the epoch after which the client has given up, and the command must not run. */
      expires_ms: optional(integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
      /** The sender's version; read by handshake.ts. */
      client: optional(json()),
      /** Unique for each command: one that is sent again under its key is not done twice. */
      key: optional(text({ min: 1, max: NAME_CHARS_MAX })),
    },
    result<RunCommandResult>(),
  ),
};

export type DaemonMethod = keyof typeof DAEMON_METHODS;

export type DaemonResult<M extends DaemonMethod> = ResultOf<(typeof DAEMON_METHODS)[M]['result']>;

export type RunCommandParams = ShapeOf<(typeof DAEMON_METHODS)['run_command']['params']>;

export interface HelloResult {
  /** The newest protocol that both sides speak. */
  protocol: number;
  /** New for each start of a daemon. */
  instance: string;
  version: string;
  /** Of the running program, which may differ from the one on disk by now; null when unknown. */
  build: string | null;
  schema: number;
  pid: number;
  workspace: string;
  state: 'serving' | 'retiring';
  capabilities: readonly string[];
}

export interface DaemonStatusResult {
  pid: number;
  version: string;
  /** As in `hello`. */
  build: string | null;
  uptime_ms: number;
  rss_bytes: number;
  heap_bytes: number;
  /** How long a due callback waits: the longest of a few turns, measured when asked. */
  event_loop_delay_ms: number;
  connections: number;
  workspace: string;
  /** The real path of the workspace's `.beads`. */
  beads_dir: string;
  socket: string;
  started_at: Timestamp;
  /** How edits of the mirror are noticed: by the system's watcher, by polling, or not at all. */
  watcher: 'native' | 'polling' | 'off';
  sync: SyncStatus;
  /** The last warning or error in the log since the daemon started. */
  last_error: { at: Timestamp; message: string } | null;
}

export interface RunCommandResult {
  exit_code: number;
}

/** The notification `going_away`: later requests are not begun, and running ones are answered. */
export interface GoingAwayParams {
  reason: string;
}

/** The notification `output`: a piece of what the command prints. */
export interface OutputParams {
  stream: 'stdout' | 'stderr';
  text: string;
}

/** The answer to the request `read_stdin`: the next piece, until `end`. */
export interface StdinPiece {
  text: string;
  end: boolean;
}

/** The first line of an MCP bridge. A wrong one is refused: changes would get another author. */
export const bridgeHello = object({
  v: optional(integer({ min: 1, max: 1 })),
  cwd: optional(text({ max: 4096 })),
  actor: optional(text({ max: NAME_CHARS_MAX })),
  pid: optional(integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
  /** As of `run_command`. */
  client: optional(json()),
});
