import { RETRY_DELAY_MAX_MS, RETRY_DELAY_MS } from '../core/limits.ts';

/** Doubles from the first wait to the longest; up to a quarter is taken off, so that clones spread. */
export function retryDelayMs(attempts: number, random: number): number {
  const delayMs = Math.min(RETRY_DELAY_MS * 2 ** (attempts - 1), RETRY_DELAY_MAX_MS);
  return Math.round(delayMs * (1 - random / 4));
}
