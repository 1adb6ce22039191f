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
import { result, type MethodDefinition, type ResultOf } from './methods/method.ts';

/** An object of texts; which names it has is the sender's business. */
const texts: Shape<Record<string, string>> = {
  json: { type: 'object', additionalProperties: { type: 'string' } },
  check: (value, place) =>
    object(
      Object.fromEntries(
        Object.keys(value ?? {}).map((name) => [name, text({ max: TEXT_CHARS_MAX })]),
      ),
    ).check(value, place),
};

/** What the daemon answers about itself; these are no operations on the workspace. */
export const DAEMON_METHODS = {
  /** Read by handshake.ts: a newer client may send members that are not known here. */
  hello: {
    effect: 'read',
    params: json(),
    result: result<HelloResult>(),
  },
  daemon_status: {
    effect: 'read',
    params: object({}),
    result: result<DaemonStatusResult>(),
  },
  /** Ends, when what runs is done, so that another one can begin. */
  retire: {
    effect: 'control',
    params: object({ reason: optional(text({ max: NAME_CHARS_MAX })) }),
    result: result<{ message: string }>(),
  },
  /** Answers first, then finishes what runs and ends. */
  shutdown: {
    effect: 'control',
    params: object({}),
    result: result<{ message: string }>(),
  },
  /** What `bd` itself sends. On the way come `output`, `heartbeat` and `read_stdin`. */
  run_command: {
    effect: 'control',
    params: object({
      argv: list(text({ max: TEXT_CHARS_MAX }), { max: 100_000 }),
      cwd: text({ min: 1, max: 4096 }),
      env: optional(texts),
      stdout_tty: optional(flag()),
      columns: optional(integer({ min: 0, max: 100_000 })),
      /** Milliseconds since the epoch after which the client has given up, and the command must not run. */
      expires_ms: optional(integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
      /** Who sends it; read by handshake.ts. */
      client: optional(json()),
      /** Its own for each command: one that is sent again under its key is not done twice. */
      key: optional(text({ min: 1, max: NAME_CHARS_MAX })),
    }),
    result: result<RunCommandResult>(),
  },
} satisfies Record<string, MethodDefinition>;

export type DaemonMethod = keyof typeof DAEMON_METHODS;

export type DaemonParams<M extends DaemonMethod> = ShapeOf<(typeof DAEMON_METHODS)[M]['params']>;

export type DaemonResult<M extends DaemonMethod> = ResultOf<(typeof DAEMON_METHODS)[M]['result']>;

export type RunCommandParams = DaemonParams<'run_command'>;

export interface HelloResult {
  /** The newest that both sides speak. */
  protocol: number;
  /** Another one for each start of a daemon. */
  instance: string;
  version: string;
  /** Of the program that runs, which may be another one than is on disk by now; null when unknown. */
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
  /** How long a callback that is due waits: the longest of a few turns, taken when asked. */
  event_loop_delay_ms: number;
  connections: number;
  workspace: string;
  /** The real path of the workspace's `.beads`. */
  beads_dir: string;
  socket: string;
  started_at: Timestamp;
  /** How edits of the mirror are noticed: told by the system, by looking, or not at all. */
  watcher: WatcherKind;
  sync: SyncStatus;
  /** The last warning or error in the log since the daemon started. */
  last_error: { at: Timestamp; message: string } | null;
}

export type WatcherKind = 'native' | 'polling' | 'off';

export interface RunCommandResult {
  exit_code: number;
}

/** The notification `going_away`: no request that comes later is begun, and those that run are answered. */
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

/** The first line of an MCP bridge. What is wrong is refused: changes would bear another's name. */
export const bridgeHello = object({
  v: optional(integer({ min: 1, max: 1 })),
  cwd: optional(text({ max: 4096 })),
  actor: optional(text({ max: NAME_CHARS_MAX })),
  pid: optional(integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
  /** As of `run_command`. */
  client: optional(json()),
});

export function isDaemonMethod(name: string): name is DaemonMethod {
  return Object.hasOwn(DAEMON_METHODS, name);
}
