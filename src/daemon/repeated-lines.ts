import { LOG_CAUSES_MAX, LOG_REPEAT_INTERVAL_MS } from '../core/limits.ts';

export interface RepeatedLines {
  /**
   * Whether the line is to be said: `known` when the same was said lately, else how many times it
   * was held back since.
   */
  count(line: object, nowMs: number): number | 'known';
}

/** A cause that lasts is said once an hour, however often it shows. */
export function createRepeatedLines(): RepeatedLines {
  const said = new Map<string, { sinceMs: number; heldBack: number }>();
  return {
    count(line, nowMs) {
      const key = JSON.stringify(line);
      const before = said.get(key);
      if (before !== undefined && nowMs - before.sinceMs < LOG_REPEAT_INTERVAL_MS) {
        before.heldBack += 1;
        return 'known';
      }
      said.delete(key);
      const [oldest] = said.keys();
      if (said.size >= LOG_CAUSES_MAX && oldest !== undefined) said.delete(oldest);
      said.set(key, { sinceMs: nowMs, heldBack: 0 });
      return before?.heldBack ?? 0;
    },
  };
}
