import { EVENTS_TRIMMED_AT_ONCE } from '../store/event-log.ts';
import { VERSIONS_MAX } from '../store/lines.ts';
import type { Store } from '../store/store.ts';
import type { Config } from './config/config.ts';

/** Events after which a busy process tidies up too. */
export const EVENTS_BETWEEN_TRIMS = 1_000;

/** Some milliseconds of work. */
export const TEXTS_INDEXED_AT_ONCE = 100;

const DAY_MS = 24 * 3_600_000;

/**
 * Removes some of what a store need not keep any more; a few milliseconds of work at most. Returns whether
 * there is more. `mirrorKeys` are those of the mirror files that can be there.
 */
export function tidyStore(
  store: Store,
  { config, nowMs, mirrorKeys }: { config: Config; nowMs: number; mirrorKeys: () => Set<string> },
): boolean {
  forgetMirrors(store, mirrorKeys);
  forgetVersions(store);
  const keepMs = config.whole('events.keep_days') * DAY_MS;
  const keepCount = config.whole('events.keep_count');
  return store.events.trim({ nowMs, keepMs, keepCount }, store.transaction);
}

/** What is known of a file that is gone would keep events for it, without end. */
function forgetMirrors({ state }: Store, mirrorKeys: () => Set<string>): void {
  const known = state.mirrorKeys();
  if (known.length <= 1) return;
  const present = mirrorKeys();
  for (const key of known) if (!present.has(key)) state.delete(key);
}

/** More than this there are only where the mirror cannot be written. */
function forgetVersions({ events, versions, transaction }: Store): void {
  const first = versions.first();
  if (first === undefined) return;
  const through = Math.min(events.lastSeq() - VERSIONS_MAX, first + EVENTS_TRIMMED_AT_ONCE);
  if (first <= through) transaction(() => versions.forget(through));
}
