import { BdError } from '../core/errors.ts';
import { HELD_BYTES_MAX } from '../core/limits.ts';

/** What one connection makes the daemon keep in memory: what it sent, and what it has not read yet. */
export interface MemoryShare {
  set(bytes: number): void;
  /** Called when all connections together hold too much, and this one the most. The last call counts. */
  onTooMuch(giveUp: (error: BdError) => void): void;
  release(): void;
}

export type MemoryBudget = ReturnType<typeof createMemoryBudget>;

/** One budget for all connections: each may hold much, but not all of them at once. */
export function createMemoryBudget({ bytesMax = HELD_BYTES_MAX } = {}) {
  const holders = new Map<MemoryShare, { bytes: number; giveUp: (error: BdError) => void }>();
  let total = 0;

  const put = (share: MemoryShare, bytes: number): void => {
    const holder = holders.get(share);
    if (holder === undefined) return;
    total += bytes - holder.bytes;
    holder.bytes = bytes;
  };

  /** Stops counting its bytes at once, so that no other connection is ended for them. */
  const giveLargestUp = (): void => {
    const [largest] = [...holders].sort(([, left], [, right]) => right.bytes - left.bytes);
    if (largest === undefined) return;
    const [share, { giveUp }] = largest;
    share.release();
    giveUp(tooMuch(bytesMax));
  };

  return {
    open(): MemoryShare {
      const share: MemoryShare = {
        set(bytes) {
          put(share, bytes);
          if (total > bytesMax) giveLargestUp();
        },
        onTooMuch(giveUp) {
          const holder = holders.get(share);
          if (holder !== undefined) holder.giveUp = giveUp;
        },
        release() {
          put(share, 0);
          holders.delete(share);
        },
      };
      holders.set(share, { bytes: 0, giveUp() {} });
      return share;
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
