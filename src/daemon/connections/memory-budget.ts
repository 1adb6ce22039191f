import { BdError } from '../../core/errors.ts';
import { HELD_BYTES_MAX } from '../../core/limits.ts';

/** What one connection makes the daemon keep in memory: what it sent, and what it has not taken yet. */
export interface MemoryShare {
  set(bytes: number): void;
  /** Who is called when this connection holds the most of too much; whoever serves it now. */
  onTooMuch(giveUp: (error: BdError) => void): void;
  release(): void;
}

export interface MemoryBudget {
  open(): MemoryShare;
  /** Of all connections together. */
  total(): number;
}

/** One budget for all connections: each may hold much, all of them at once may not. */
export function createMemoryBudget({ bytesMax = HELD_BYTES_MAX } = {}): MemoryBudget {
  const holders = new Map<MemoryShare, { bytes: number; giveUp: (error: BdError) => void }>();
  let total = 0;

  const put = (memory: MemoryShare, bytes: number): void => {
    const holder = holders.get(memory);
    if (holder === undefined) return;
    total += bytes - holder.bytes;
    holder.bytes = bytes;
  };

  /** Its bytes count no more at once: what it holds goes with it, and nobody else is to go for that. */
  const giveLargestUp = (): void => {
    const [largest] = [...holders].sort(([, left], [, right]) => right.bytes - left.bytes);
    if (largest === undefined) return;
    const [memory, { giveUp }] = largest;
    memory.release();
    giveUp(tooMuch(bytesMax));
  };

  return {
    total: () => total,
    open() {
      const memory: MemoryShare = {
        set(bytes) {
          put(memory, bytes);
          if (total > bytesMax) giveLargestUp();
        },
        onTooMuch(giveUp) {
          const holder = holders.get(memory);
          if (holder !== undefined) holder.giveUp = giveUp;
        },
        release() {
          put(memory, 0);
          holders.delete(memory);
        },
      };
      holders.set(memory, { bytes: 0, giveUp() {} });
      return memory;
    },
  };
}

function tooMuch(bytesMax: number): BdError {
  return new BdError('LIMIT_EXCEEDED', {
    message: `the daemon holds more than ${bytesMax} bytes for its connections, and most of them for this one`,
    remedy: 'Read the answers as they come, and send less at once.',
    details: { bytes_max: bytesMax },
  });
}
