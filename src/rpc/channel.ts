import type { Duplex } from 'node:stream';
import { BdError, toBdError } from '../core/errors.ts';
import { MESSAGE_TIMEOUT_MS, REQUESTS_PER_CONNECTION_MAX } from '../core/limits.ts';
import { endsWithin } from '../platform/clock.ts';
import type { Framing } from '../protocol/framing.ts';
import { createBoundedWriter, type BoundedWriter } from './bounded-writer.ts';
import { createMemoryBudget, type MemoryShare } from './memory-budget.ts';

/** One message that is being served. */
export interface Job {
  /**
   * It goes on for as long as its client likes, as a subscription does, and takes no other request's
   * place. Throws `LIMIT_EXCEEDED` when the connection has too many of them.
   */
  keepOpen(): void;
  /** Nothing of the message is needed any more. */
  done(): void;
}

/** One end of a connection, as the face that serves it got it. */
export interface ChannelSocket {
  socket: Duplex;
  /** What was read already, to find out what the connection speaks. */
  initial?: Uint8Array;
  memory?: MemoryShare;
  messageTimeoutMs?: number | undefined;
}

export interface ChannelOptions<M> extends ChannelSocket {
  framing: Framing;
  decode: (body: Uint8Array) => M;
  /** Whether a running request waits for this message, so that it must not wait behind others. */
  isUrgent: (message: M) => boolean;
  serve: (message: M, job: Job) => void;
  /** The other side sends no more; it may still read. */
  inputEnded: () => void;
  closed: () => void;
  /** The last message to a client that broke a rule. */
  refusal: (error: BdError) => object;
}

/** A refused client may still be sending: drop what it sends for so long, then cut it off. */
const REFUSAL_GRACE_MS = 2_000;

/**
 * The messages of one socket. It neither reads nor begins requests while the answers are not read or too
 * many requests run, so that a client that only sends cannot fill the daemon's memory. It ends when both
 * sides have ended.
 */
export class Channel<M> {
  readonly #options: ChannelOptions<M>;
  readonly #socket: Duplex;
  readonly #memory: MemoryShare;
  readonly #writer: BoundedWriter;
  #waiting: { message: M; bytes: number }[] = [];
  #serving = 0;
  #keptOpen = 0;
  #servedBytes = 0;
  /** A message can be done while it begins: the loop that began it goes on, instead of another one. */
  #isBeginning = false;
  #hasInputEnded = false;
  #isGivenUp = false;
  #unfinished: NodeJS.Timeout | undefined;
  readonly #idle = new Set<() => void>();

  constructor(options: ChannelOptions<M>) {
    const { socket, memory = createMemoryBudget().open() } = options;
    [this.#options, this.#socket, this.#memory] = [options, socket, memory];
    this.#writer = createBoundedWriter(socket);
  }

  /** Begins to read. */
  start(): void {
    const { initial } = this.#options;
    // 'close' follows, and a peer that vanished is no news.
    this.#socket.on('error', () => {});
    if (this.#socket.destroyed) return this.#close();
    this.#memory.onTooMuch((error) => this.giveUp(error));
    this.#socket.on('drain', this.#flow);
    this.#socket.on('end', this.#endInput);
    this.#socket.on('close', () => this.#close());
    this.#socket.on('data', this.#read);
    this.#read(initial ?? new Uint8Array());
    if (this.#socket.readableEnded) this.#endInput();
  }

  /** Whether it serves requests that are due an answer soon. */
  get isBusy(): boolean {
    return this.#serving > 0 || this.#waiting.length > 0;
  }

  /** Sends at once; resolves when the reader has caught up, is gone, or `signal` is aborted. */
  send(message: object, how: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#isGivenUp) return Promise.resolve();
    const sent = this.#writer.write(this.#options.framing.encode(JSON.stringify(message)), how);
    this.#hold();
    return sent;
  }

  /** Resolves when no message is being served. */
  async idle(): Promise<void> {
    while (!this.#isIdle()) await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  /** Ends the connection; resolves when what was sent has left, or after `flushMs` if that is given. */
  async close({ flushMs }: { flushMs?: number | undefined } = {}): Promise<void> {
    if (this.#socket.destroyed) return;
    const flushed = new Promise<void>((resolve) => {
      this.#socket.once('close', resolve);
      this.#socket.end(resolve);
    });
    await (flushMs === undefined ? flushed : endsWithin(flushMs, flushed));
    this.#socket.destroy();
  }

  /** Tells the client what it did wrong, and serves it no more. */
  giveUp(error: BdError): void {
    if (this.#isGivenUp) return;
    const { framing, refusal } = this.#options;
    this.#socket.off('data', this.#read);
    this.#socket.off('end', this.#endInput);
    if (this.#writer.isFull()) this.#socket.destroy();
    else if (this.#socket.writable) {
      this.#socket.end(framing.encode(JSON.stringify(refusal(error))));
    }
    this.#isGivenUp = true;
    this.#forgetWaiting();
    framing.drop();
    this.#memory.release();
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), REFUSAL_GRACE_MS).unref();
  }

  readonly #read = (chunk: Uint8Array): void => {
    try {
      for (const body of this.#options.framing.push(chunk)) this.#receive(body);
    } catch (error) {
      return this.giveUp(toBdError(error));
    }
    this.#flow();
  };

  readonly #endInput = (): void => {
    const rest = this.#options.framing.rest();
    if (rest !== undefined) this.#receive(rest);
    this.#endWhenDone();
  };

  #receive(body: Uint8Array): void {
    const message = this.#options.decode(body);
    const entry = { message, bytes: body.length };
    this.#servedBytes += body.length;
    const mayBegin = this.#waiting.length === 0 && !this.#isFull();
    if (mayBegin || this.#options.isUrgent(message)) this.#serve(entry);
    else this.#waiting.push(entry);
  }

  #serve({ message, bytes }: { message: M; bytes: number }): void {
    this.#serving += 1;
    let state: 'served' | 'kept open' | 'done' = 'served';
    const leave = (): void => {
      if (state === 'served') this.#serving -= 1;
      if (state === 'kept open') this.#keptOpen -= 1;
    };
    this.#options.serve(message, {
      keepOpen: () => {
        if (state !== 'served') return;
        if (this.#keptOpen >= REQUESTS_PER_CONNECTION_MAX) throw tooManyKeptOpen();
        leave();
        this.#keptOpen += 1;
        state = 'kept open';
        this.#flow();
      },
      done: () => {
        if (state === 'done') return;
        leave();
        state = 'done';
        this.#servedBytes -= bytes;
        this.#flow();
      },
    });
  }

  /** Also called by what ends a request: the next one may begin. */
  readonly #flow = (): void => {
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    while (this.#waiting.length > 0 && !this.#isFull()) {
      const next = this.#waiting.shift();
      if (next !== undefined) this.#serve(next);
    }
    this.#isBeginning = false;
    // While requests run, read on until one waits: a cancellation of theirs may be behind.
    const isPaused = this.#waiting.length > 0 || this.#writer.isFull();
    if (isPaused && !this.#isGivenUp) this.#socket.pause();
    else this.#socket.resume();
    this.#awaitRestOfMessage();
    this.#hold();
    this.#tellIdle();
    this.#endWhenDone();
  };

  #awaitRestOfMessage(): void {
    clearTimeout(this.#unfinished);
    const begun = this.#options.framing.pending();
    if (begun === 0 || this.#isFull() || this.#waiting.length > 0 || this.#isGivenUp) return;
    const { messageTimeoutMs = MESSAGE_TIMEOUT_MS } = this.#options;
    this.#unfinished = setTimeout(() => this.giveUp(neverFinished(begun)), messageTimeoutMs);
    this.#unfinished.unref();
  }

  #isFull(): boolean {
    return this.#serving >= REQUESTS_PER_CONNECTION_MAX || this.#writer.isFull();
  }

  #isIdle(): boolean {
    return !this.isBusy && this.#keptOpen === 0;
  }

  #tellIdle(): void {
    if (!this.#isIdle()) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }

  #hold(): void {
    const { framing } = this.#options;
    this.#memory.set(this.#servedBytes + framing.pending() + this.#socket.writableLength);
  }

  #endWhenDone(): void {
    if (!this.#socket.readableEnded) return;
    if (!this.#hasInputEnded) {
      this.#hasInputEnded = true;
      this.#options.inputEnded();
    }
    if (this.#isIdle()) this.#socket.end();
  }

  /** The client is gone, and cannot be answered. */
  #forgetWaiting(): void {
    this.#waiting = [];
    this.#tellIdle();
  }

  #close(): void {
    clearTimeout(this.#unfinished);
    this.#options.closed();
    this.#forgetWaiting();
  }
}

function tooManyKeptOpen(): BdError {
  return new BdError('LIMIT_EXCEEDED', {
    message: `the connection has ${REQUESTS_PER_CONNECTION_MAX} subscriptions already`,
    remedy: 'Cancel some of them, or open another connection.',
  });
}

function neverFinished(bytes: number): BdError {
  return new BdError('BAD_REQUEST', {
    message: `a message was begun with ${bytes} bytes and not finished`,
    remedy:
      'Send each message whole: a line ends in a newline, an LSP message has its Content-Length.',
  });
}
