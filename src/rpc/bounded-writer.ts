import type { Writable } from 'node:stream';

export type BoundedWriter = ReturnType<typeof createBoundedWriter>;

/**
 * Writes to a stream and waits for its reader. A writer that awaits each write has at most one message
 * beyond the stream's own buffer in memory.
 */
export function createBoundedWriter(stream: Writable) {
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const resume of waiting) resume();
  };
  // After `end()` a stream never drains, and a reader that is gone never reads.
  for (const event of ['drain', 'finish', 'close']) stream.on(event, wake);
  const isFull = (): boolean => stream.writable && stream.writableNeedDrain;
  const room = async (how: { readonly signal?: AbortSignal } = {}): Promise<void> => {
    const mustWait = (): boolean => isFull() && how.signal?.aborted !== true;
    while (mustWait()) {
      await new Promise<void>((resolve) => {
        const resume = (): void => {
          waiting.delete(resume);
          how.signal?.removeEventListener('abort', resume);
          resolve();
        };
        waiting.add(resume);
        how.signal?.addEventListener('abort', resume);
      });
    }
  };
  // What is written in one turn of the event loop goes out as one: the first at once, the rest at its end.
  let turn: 'new' | 'begun' | 'held' = 'new';
  const endTurn = (): void => {
    if (turn === 'held') stream.uncork();
    turn = 'new';
  };
  const beginTurn = (): void => {
    if (turn === 'begun') {
      stream.cork();
      turn = 'held';
    } else if (turn === 'new') {
      setImmediate(endTurn);
      turn = 'begun';
    }
  };
  return {
    /** Whether the reader is behind. */
    isFull,
    /** Resolves when the reader has caught up, is gone, or `signal` is aborted. */
    room,
    /** Writes in this turn of the event loop, and waits for room. */
    async write(
      data: string | Uint8Array,
      how: { readonly signal?: AbortSignal } = {},
    ): Promise<void> {
      if (stream.writable) {
        beginTurn();
        stream.write(data);
      }
      await room(how);
    },
  };
}
