import { BdError } from '../core/errors.ts';
import { METHODS, type Call } from '../protocol/methods.ts';

export interface WatchedCall {
  call: Call;
  /** This daemon lost the workspace before the command changed anything, so the next daemon can run all of it. */
  isForTheNext(): boolean;
}

export function watchLoss(call: Call): WatchedCall {
  let hasChanged = false;
  let isLost = false;
  return {
    async call(method, params, options) {
      try {
        const result = await call(method, params, options);
        hasChanged ||= METHODS[method].effect !== 'read';
        return result;
      } catch (error) {
        isLost ||= error instanceof BdError && error.code === 'LOCK_UNAVAILABLE';
        throw error;
      }
    },
    isForTheNext: () => isLost && !hasChanged,
  };
}
