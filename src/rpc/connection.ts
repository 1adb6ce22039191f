import { BdError, toBdError } from '../core/errors.ts';
import { SUBSCRIBER_FLUSH_MS } from '../core/limits.ts';
import type { Log } from '../platform/log.ts';
import type { GoingAwayParams } from '../protocol/daemon-methods.ts';
import type { Framing } from '../protocol/framing.ts';
import {
  CANCEL_METHOD,
  decodeMessage,
  errorReply,
  fromRpcError,
  notification,
  request,
  resultReply,
  type Incoming,
  type RpcId,
  type RpcOutcome,
} from '../protocol/messages.ts';
import { Channel, type ChannelSocket, type Job } from './channel.ts';
import type { ServedConnection } from './face.ts';

/** The other side, as the handler of one request sees it. */
export interface Caller {
  /** Aborted when the client cancels the request or goes away, or the daemon can wait for it no longer. */
  readonly signal: AbortSignal;
  /** Sends at once, unless the signal is aborted; resolves when the reader has caught up. Never rejects. */
  notify(method: string, params: object): Promise<void>;
  /** Asks back; rejects when the signal is aborted first. */
  call(method: string, params: object): Promise<unknown>;
  /**
   * The request is a subscription: it goes on until its signal is aborted, which the end of the daemon and
   * the end of the client's input do. Throws `LIMIT_EXCEEDED` when the connection has too many.
   */
  keepOpen(): void;
  /** The connection does not keep the daemon awake from now on. */
  becomePassive(): void;
}

/** Answers one method; throws `BdError` for what it refuses. */
export type Handle = (method: string, params: unknown, caller: Caller) => Promise<unknown>;

export interface ConnectionOptions extends ChannelSocket {
  framing: Framing;
  handle: Handle;
  log: Log;
  becomePassive: () => void;
}

/** An incoming request can be cancelled before it begins. */
type Received = Incoming & { abort: Abort };

/** JSON-RPC both ways over one socket: each request is answered when it is done, and fails alone. */
export class Connection implements ServedConnection {
  readonly #options: ConnectionOptions;
  readonly #channel: Channel<Received>;
  readonly #ended = new Abort();
  readonly #requests = new Set<Abort>();
  readonly #requestById = new Map<RpcId, Abort>();
  readonly #subscriptions = new Set<Abort>();
  /** What was asked back, each with what takes the answer or the reason why none comes. */
  readonly #asked = new Map<RpcId, (outcome: RpcOutcome | BdError) => void>();
  #lastId = 0;
  #hasInputEnded = false;
  #refusal: BdError | undefined;
  #hadSubscription = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#channel = new Channel<Received>({
      ...options,
      decode: (body) => this.#decode(body),
      isUrgent: (message) => message.kind === 'response' || isCancellation(message),
      serve: (message, job) => this.#serve(message, job),
      inputEnded: () => this.#endInput(),
      closed: () => this.#end(),
      refusal: (error) => errorReply(null, error),
    });
    this.#channel.start();
  }

  /** Aborted when the connection has ended. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  notify(method: string, params: object): Promise<void> {
    return this.#channel.send(notification(method, params), this.#ended);
  }

  call(method: string, params: object): Promise<unknown> {
    return this.#call(method, params, this.signal);
  }

  /** Stops the client's request with this id, if it waits or runs. */
  cancel(id: RpcId): void {
    this.#requestById.get(id)?.abort(cancelled());
  }

  /** Ends subscriptions, waits for all other requests, and then ends the connection. */
  async drain(refusal: BdError): Promise<void> {
    this.#refusal = refusal;
    void this.notify('going_away', { reason: refusal.message } satisfies GoingAwayParams);
    abortAll(this.#subscriptions, refusal);
    await this.#channel.idle();
    // A subscriber goes on from where it has read to; all others get every answer.
    const flushMs = this.#hadSubscription ? SUBSCRIBER_FLUSH_MS : undefined;
    await this.#channel.close({ flushMs });
  }

  #decode(body: Uint8Array): Received {
    const message = { ...decodeMessage(body), abort: new Abort() };
    if (message.kind === 'request') this.#requestById.set(message.id, message.abort);
    return message;
  }

  #serve(message: Received, job: Job): void {
    switch (message.kind) {
      case 'request':
      case 'notification':
        if (isCancellation(message)) this.cancel(readCancelledId(message.params));
        else return void this.#run(message, job);
        break;
      case 'response':
        this.#asked.get(message.id)?.(message.outcome);
        break;
      case 'invalid':
        void this.#channel.send(errorReply(message.id, message.error));
        break;
      default:
        message satisfies never;
    }
    job.done();
  }

  async #run(message: Received & { kind: 'request' | 'notification' }, job: Job): Promise<void> {
    const { method, params, abort } = message;
    const reply = (answer: (id: RpcId) => object): void => {
      if (message.kind === 'request') void this.#channel.send(answer(message.id));
    };
    this.#requests.add(abort);
    try {
      if (this.#refusal !== undefined) throw this.#refusal;
      if (abort.reason !== undefined) throw abort.reason;
      const result = await this.#options.handle(method, params, this.#caller(abort, job));
      reply((id) => resultReply(id, result ?? null));
    } catch (thrown) {
      // Node's own functions throw an error of theirs when the signal that they got is aborted.
      const error = toBdError(
        abort.reason !== undefined && !(thrown instanceof BdError) ? abort.reason : thrown,
      );
      if (error.code === 'INTERNAL') {
        this.#options.log.error(error.message, { method, error: error.cause });
      }
      reply((id) => errorReply(id, error));
    } finally {
      this.#forget(message);
      job.done();
    }
  }

  #forget(message: Received): void {
    this.#requests.delete(message.abort);
    this.#subscriptions.delete(message.abort);
    // A client may use an id again.
    if (message.kind === 'request' && this.#requestById.get(message.id) === message.abort) {
      this.#requestById.delete(message.id);
    }
  }

  #caller(abort: Abort, job: Job): Caller {
    return {
      get signal() {
        return abort.signal;
      },
      notify: (method, params) =>
        abort.reason === undefined
          ? this.#channel.send(notification(method, params), abort)
          : Promise.resolve(),
      call: (method, params) => this.#call(method, params, abort.signal),
      keepOpen: () => {
        job.keepOpen();
        this.#hadSubscription = true;
        this.#subscriptions.add(abort);
      },
      becomePassive: () => this.#options.becomePassive(),
    };
  }

  #call(method: string, params: object, signal: AbortSignal): Promise<unknown> {
    this.#lastId += 1;
    const id = `bd-${this.#lastId}`;
    return new Promise((done, fail) => {
      const answer = (outcome: RpcOutcome | BdError): void => {
        this.#asked.delete(id);
        signal.removeEventListener('abort', abort);
        if (outcome instanceof BdError) fail(outcome);
        else if ('error' in outcome) fail(fromRpcError(outcome.error));
        else done(outcome.result);
      };
      const abort = (): void => {
        void this.#channel.send(notification(CANCEL_METHOD, { id }));
        answer(toBdError(signal.reason));
      };
      if (signal.aborted || this.#hasInputEnded) return fail(CLIENT_GONE);
      signal.addEventListener('abort', abort);
      this.#asked.set(id, answer);
      void this.#channel.send(request(id, method, params));
    });
  }

  /** A client that was killed looks the same: it answers nothing, and follows no subscription. */
  #endInput(): void {
    this.#hasInputEnded = true;
    abortAll(this.#subscriptions, CLIENT_GONE);
    for (const answer of this.#asked.values()) answer(CLIENT_GONE);
  }

  #end(): void {
    this.#endInput();
    abortAll(this.#requests, CLIENT_GONE);
    this.#ended.abort(CLIENT_GONE);
    this.#requestById.clear();
  }
}

function abortAll(requests: Iterable<Abort>, reason: BdError): void {
  for (const request of requests) request.abort(reason);
}

/** An `AbortController` that is made when its signal is asked for: few requests look at theirs. */
class Abort {
  #controller: AbortController | undefined;
  #reason: BdError | undefined;

  get reason(): BdError | undefined {
    return this.#reason;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  abort(reason: BdError): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}

function isCancellation(message: Incoming): message is Incoming & { kind: 'notification' } {
  return message.kind === 'notification' && message.method === CANCEL_METHOD;
}

function readCancelledId(params: unknown): RpcId {
  const { id } = { ...(params as { id?: unknown }) };
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

function cancelled(): BdError {
  return new BdError('REQUEST_CANCELLED', {
    message: 'the request was cancelled',
    remedy: 'Send it again to have it done: what was done until then stays.',
  });
}

/** Every connection ends with it, so it is made once: its stack would say nothing. */
const CLIENT_GONE = new BdError('CONNECTION_ENDED', {
  message: 'the client went away before this was done',
  remedy: 'Run the command again.',
});
