/**
 * Every way bd refuses: `rpc` is the JSON-RPC error number, `exit` the process exit code
 * (0 done, 1 refused, 2 bad usage, 3 not found, 4 conflict, 5 daemon or lock unavailable, 70 our bug).
 * Programs branch on the name; docs/PROTOCOL.md says when each is sent.
 */
export const ERRORS = {
  NOT_JSON: { rpc: -32_700, exit: 2 },
  BAD_REQUEST: { rpc: -32_600, exit: 2 },
  UNKNOWN_METHOD: { rpc: -32_601, exit: 2 },
  /** The number that the Language Server Protocol has for it. */
  REQUEST_CANCELLED: { rpc: -32_800, exit: 130 },
  NO_WORKSPACE: { rpc: 1000, exit: 1 },
  ISSUE_NOT_FOUND: { rpc: 1001, exit: 3 },
  AMBIGUOUS_ID: { rpc: 1002, exit: 3 },
  INVALID_VALUE: { rpc: 1003, exit: 2 },
  USAGE: { rpc: 1004, exit: 2 },
  DEPENDENCY_CYCLE: { rpc: 1005, exit: 4 },
  ALREADY_CLAIMED: { rpc: 1006, exit: 4 },
  ISSUE_BLOCKED: { rpc: 1007, exit: 1 },
  ALREADY_EXISTS: { rpc: 1008, exit: 4 },
  LIMIT_EXCEEDED: { rpc: 1009, exit: 1 },
  SYNC_FAILED: { rpc: 1010, exit: 1 },
  FILE_UNUSABLE: { rpc: 1011, exit: 1 },
  STORE_UNUSABLE: { rpc: 1012, exit: 1 },
  DAEMON_UNAVAILABLE: { rpc: 1013, exit: 5 },
  LOCK_UNAVAILABLE: { rpc: 1014, exit: 5 },
  NOT_SHARED: { rpc: 1017, exit: 1 },
  DAEMON_RETIRING: { rpc: 1018, exit: 5 },
  /** `details.first`: the oldest offset that can still be read. */
  OFFSET_GONE: { rpc: 1019, exit: 1 },
  SYNC_BLOCKED: { rpc: 1020, exit: 1 },
  GIT_TIMED_OUT: { rpc: 1021, exit: 1 },
  SOCKET_UNAVAILABLE: { rpc: 1022, exit: 5 },
  CONNECTION_ENDED: { rpc: 1023, exit: 5 },
  INTERNAL: { rpc: 1099, exit: 70 },
} as const;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorDetail {
  /** What happened, with the value. */
  message: string;
  /** One sentence a person can act on. */
  remedy: string;
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** The one error class: anything else that is thrown is a bug and becomes `INTERNAL`. */
export class BdError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, { message, remedy, details = {}, cause }: ErrorDetail) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'BdError';
    this.code = code;
    this.remedy = remedy;
    this.details = details;
  }

  get exitCode(): number {
    return ERRORS[this.code].exit;
  }
}

/** By errno(3): whatever the file, these are never a bug in bd. */
const SYSTEM_REFUSALS = [
  {
    codes: ['ENOSPC', 'EDQUOT'],
    what: 'the disk is full',
    remedy: 'Make space on that disk, then run the command again.',
  },
  {
    codes: ['EACCES', 'EPERM', 'EROFS'],
    what: 'the system does not permit it',
    remedy: 'Check who owns that file and its directory, and whether their disk may be written to.',
  },
  {
    codes: ['EMFILE', 'ENFILE'],
    what: 'too many files are open',
    remedy: 'Raise the limit (`ulimit -n`), or end programs that keep many files open.',
  },
];

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}

/** Foreign errors become `INTERNAL` and keep their cause for the log; ours pass through. */
export function toBdError(thrown: unknown): BdError {
  const error = firstOf(thrown);
  if (error instanceof BdError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const refusal = SYSTEM_REFUSALS.find(({ codes }) => codes.some((known) => known === code));
  if (refusal !== undefined) {
    return new BdError('FILE_UNUSABLE', {
      message: `${refusal.what}: ${messageOf(error)}`,
      remedy: refusal.remedy,
      cause: error,
    });
  }
  return new BdError('INTERNAL', {
    message: `bd failed unexpectedly: ${messageOf(error)}`,
    remedy: 'This is a bug in bd: please report it with the last lines of .beads/daemon.log.',
    cause: error,
  });
}

/** What was thrown, in words: anything can be. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** What `await using` throws when the cleaning up fails after the work did: the work's failure counts. */
function firstOf(error: unknown): unknown {
  const isPair = error instanceof Error && error.name === 'SuppressedError';
  return isPair && 'suppressed' in error ? firstOf(error.suppressed) : error;
}
