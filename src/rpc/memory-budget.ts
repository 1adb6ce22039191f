import { BdError } from '../core/errors.ts';
import { HELD_BYTES_MAX } from '../core/limits.ts';

export type MemoryBudget = ReturnType<typeof createMemoryBudget>;

/** What one connection makes the daemon keep in memory: what it sent, and what it has not read yet. */
export type MemoryShare = ReturnType<MemoryBudget['open']>;

/** One budget for all connections: each may hold much, but not all of them at once. */
export function createMemoryBudget(bytesMax = HELD_BYTES_MAX) {
  const holders = new Set<{ bytes: number; giveUp: (error: BdError) => void }>();
  let total = 0;
  return {
    open() {
      const holder = { bytes: 0, giveUp: (_error: BdError): void => {} };
      holders.add(holder);
      return {
        set(bytes: number): void {
          if (!holders.has(holder)) return;
          total += bytes - holder.bytes;
          holder.bytes = bytes;
          if (total <= bytesMax) return;
          const [largest = holder] = [...holders].sort((left, right) => right.bytes - left.bytes);
          // Not counted any more, so that no other connection is ended for its bytes.
          total -= largest.bytes;
          holders.delete(largest);
          largest.giveUp(tooMuch(bytesMax));
        },
        /** Called when all connections together hold too much, and this one the most. The last call counts. */
        onTooMuch(giveUp: (error: BdError) => void): void {
          holder.giveUp = giveUp;
        },
        release(): void {
          if (holders.delete(holder)) total -= holder.bytes;
        },
      };
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
