import type { Socket } from 'node:net';
import type { BdError } from '../core/errors.ts';
import { FIRST_BYTES_TIMEOUT_MS, HEADER_BYTES_MAX } from '../core/limits.ts';
import type { ChannelSocket } from './channel.ts';

/** A connection whose face is known. */
export interface OpenedConnection extends ChannelSocket {
  socket: Socket;
  initial: Buffer;
  /** The connection does not keep the daemon awake from now on. */
  becomePassive: () => void;
}

export interface ServedConnection {
  /** Begins nothing more and ends the connection; resolves when what ran is answered. Waits for no reader without a bound. */
  drain(refusal: BdError): Promise<void>;
}

/** One protocol that the daemon's socket speaks. */
export interface Face {
  readonly name: string;
  /** Whether a connection that begins with these bytes is its own; undefined when more are needed. */
  matches(bytes: Buffer): boolean | undefined;
  /** Loads what serves its connections, when one comes. */
  load(): Serve | Promise<Serve>;
}

/** Begins to serve a connection; throws what its client is refused with. */
export type Serve = (opened: OpenedConnection) => ServedConnection;

export type Opening =
  | { kind: 'face'; face: Face; bytes: Buffer }
  | { kind: 'unknown'; bytes: Buffer }
  /** Nothing came, or too little to tell. */
  | { kind: 'silent' }
  | { kind: 'ended' };

/** Reads until a face knows the connection for its own. The socket is paused then. Never rejects. */
export function readOpening(
  socket: Socket,
  {
    faces,
    timeoutMs = FIRST_BYTES_TIMEOUT_MS,
    hold,
  }: {
    /** In order: a later one is asked when all before it have said no. */
    faces: readonly Face[];
    timeoutMs?: number | undefined;
    /** Told how many bytes are kept meanwhile. */
    hold: (bytes: number) => void;
  },
): Promise<Opening> {
  return new Promise((done) => {
    const pieces: Buffer[] = [];
    let length = 0;
    const finish = (opening: Opening): void => {
      clearTimeout(deadline);
      socket.off('data', read).off('end', end).off('close', close).pause();
      done(opening);
    };
    const read = (chunk: Buffer): void => {
      pieces.push(chunk);
      length += chunk.length;
      hold(length);
      const opening = chooseFace(faces, Buffer.concat(pieces, length));
      if (opening !== undefined) finish(opening);
    };
    /** No more bytes will decide it. */
    const settle = (kind: 'silent' | 'ended'): void => {
      const bytes = Buffer.concat(pieces, length);
      const face = faces.find((each) => each.matches(bytes) === true);
      finish(face === undefined ? { kind } : { kind: 'face', face, bytes });
    };
    const end = (): void => settle('ended');
    const close = (): void => finish({ kind: 'ended' });
    const deadline = setTimeout(() => settle('silent'), timeoutMs);
    socket.on('data', read);
    socket.on('end', end);
    socket.on('close', close);
  });
}

function chooseFace(faces: readonly Face[], bytes: Buffer): Opening | undefined {
  for (const face of faces) {
    const matches = face.matches(bytes);
    if (matches === true) return { kind: 'face', face, bytes };
    if (matches === undefined) {
      return bytes.length > HEADER_BYTES_MAX && isBlank(bytes)
        ? { kind: 'unknown', bytes }
        : undefined;
    }
  }
  return { kind: 'unknown', bytes };
}

function isBlank(bytes: Buffer): boolean {
  return bytes.toString('latin1').trim() === '';
}
