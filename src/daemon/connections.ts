import type { Socket } from 'node:net';
import { BdError, toBdError } from '../core/errors.ts';
import { CONNECTIONS_MAX } from '../core/limits.ts';
import { endsWithin } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { errorReply } from '../protocol/messages.ts';
import { readOpening, type Face, type Opening, type ServedConnection } from '../rpc/face.ts';
import { createMemoryBudget, type MemoryBudget, type MemoryShare } from '../rpc/memory-budget.ts';

/** Bounds that a test sets lower. */
export interface ConnectionBounds {
  firstBytesTimeoutMs?: number;
  messageTimeoutMs?: number;
  heldBytesMax?: number;
}

interface ConnectionsOptions {
  /** In the order in which they are asked whether a connection is theirs. */
  faces: readonly Face[];
  log: Log;
  /** Called for each connection that keeps the daemon awake, when it begins to and when it no longer does. */
  opened: () => void;
  ended: () => void;
  bounds?: ConnectionBounds;
}

/** What was written gets so long to leave before the process ends. */
const FLUSH_MS = 100;

/** All connections of the daemon: one socket, and the first bytes choose the face. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #budget: MemoryBudget;
  readonly #open = new Map<Socket, { isAwake: boolean; served?: ServedConnection }>();
  #refusal: BdError | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#budget = createMemoryBudget(options.bounds?.heldBytesMax);
  }

  get count(): number {
    return this.#open.size;
  }

  /** How many of them keep the daemon awake. */
  get awake(): number {
    return [...this.#open.values()].filter(({ isAwake }) => isAwake).length;
  }

  accept(socket: Socket): void {
    // What a client does to its end of the socket is not our error.
    socket.on('error', () => {});
    if (this.#refusal !== undefined) return refuse(socket, this.#refusal);
    if (this.#open.size >= CONNECTIONS_MAX) return refuse(socket, tooMany());
    this.#open.set(socket, { isAwake: true });
    const memory = this.#budget.open();
    memory.onTooMuch(() => socket.destroy());
    this.#options.opened();
    socket.once('close', () => {
      memory.release();
      this.#becomePassive(socket);
      this.#open.delete(socket);
    });
    this.#serve(socket, memory).catch((error: unknown) => {
      const known = toBdError(error);
      if (known.code === 'INTERNAL') this.#options.log.error('a connection failed', { error });
      refuse(socket, known);
    });
  }

  /**
   * Ends every connection when what runs there is answered, and after `timeoutMs` anyway. Requests that
   * come meanwhile are answered with `refusal`.
   */
  async drain({ refusal, timeoutMs }: { refusal: BdError; timeoutMs: number }): Promise<void> {
    this.#refusal = refusal;
    const sockets = [...this.#open.keys()];
    const drained = Promise.all(sockets.map((socket) => this.#end(socket, refusal)));
    await endsWithin(timeoutMs, drained);
    await endsWithin(FLUSH_MS, Promise.all(sockets.map(endOutput)));
    // The end of its connection aborts what still runs.
    for (const socket of sockets) socket.destroy();
    await endsWithin(FLUSH_MS, drained);
  }

  async #serve(socket: Socket, memory: MemoryShare): Promise<void> {
    const { faces, bounds: { firstBytesTimeoutMs: timeoutMs, messageTimeoutMs } = {} } =
      this.#options;
    const opening = await readOpening(socket, {
      faces,
      timeoutMs,
      hold: (bytes) => memory.set(bytes),
    });
    if (opening.kind !== 'face') return refuse(socket, notUnderstood(opening));
    const { face, bytes: initial } = opening;
    const serve = await face.load();
    // A request that began now would get no answer.
    if (this.#refusal !== undefined) return refuse(socket, this.#refusal);
    const open = this.#open.get(socket);
    if (open === undefined) return;
    open.served = serve({
      socket,
      initial,
      memory,
      messageTimeoutMs,
      becomePassive: () => this.#becomePassive(socket),
    });
  }

  /** One that was not read from yet is ended at once: its client knows that nothing was begun. */
  async #end(socket: Socket, refusal: BdError): Promise<void> {
    const served = this.#open.get(socket)?.served;
    await (served === undefined ? endOutput(socket) : served.drain(refusal));
  }

  #becomePassive(socket: Socket): void {
    const open = this.#open.get(socket);
    if (open?.isAwake !== true) return;
    open.isAwake = false;
    this.#options.ended();
  }
}

/** Resolves when what was written has left. */
async function endOutput(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.end(resolve);
  });
}

function refuse(socket: Socket, error: BdError | undefined): void {
  if (error === undefined || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(`${JSON.stringify(errorReply(null, error))}\n`, () => socket.destroy());
}

/** Undefined for a client that just went away. */
function notUnderstood(opening: Exclude<Opening, { kind: 'face' }>): BdError | undefined {
  if (opening.kind === 'ended') return undefined;
  return new BdError('BAD_REQUEST', {
    message:
      opening.kind === 'silent'
        ? 'the connection said nothing'
        : `cannot understand ${JSON.stringify(opening.bytes.toString('utf8', 0, 40))}`,
    remedy:
      'Begin with a JSON-RPC message on one line, or with an LSP header (Content-Length); see docs/PROTOCOL.md.',
  });
}

function tooMany(): BdError {
  return new BdError('LIMIT_EXCEEDED', {
    message: `${CONNECTIONS_MAX} connections are open already`,
    remedy: 'End some of them, then try again.',
  });
}
