import { setImmediate } from 'node:timers/promises';
import { encodeIssue } from '../core/causal/causal-line.ts';
import { shrinkTombstone } from '../core/causal/tombstone.ts';
import { TOMBSTONE } from '../core/issue.ts';
import { SLICE_RECORDS, TOMBSTONE_KEEP_MS, TOMBSTONE_SWEEP_INTERVAL_MS } from '../core/limits.ts';
import { timestampMs } from '../core/timestamp.ts';
import type { Clock } from '../platform/clock.ts';
import type { Store } from '../store/store.ts';

/**
 * Drops the content of issues that were deleted long ago; the tombstone itself stays for ever. At most once a
 * day, a slice per transaction. Returns how many were shrunk.
 */
export async function sweepTombstones(store: Store, clock: Clock): Promise<number> {
  const nowMs = clock.nowMs();
  const sinceMs = nowMs - (store.state.get('tombstones_swept_ms') ?? 0);
  if (sinceMs >= 0 && sinceMs < TOMBSTONE_SWEEP_INTERVAL_MS) return 0;
  const order = { sort: 'id', limit: 0, nowMs } as const;
  const tombstones = store.queries.select({ statuses: [TOMBSTONE] }, order);
  if (tombstones.length === 0) return 0;
  const old = tombstones.filter(
    ({ deleted_at: at }) => at !== undefined && timestampMs(at) < nowMs - TOMBSTONE_KEEP_MS,
  );
  let shrunk = 0;
  for (let start = 0; start < old.length; start += SLICE_RECORDS) {
    const slice = old.slice(start, start + SLICE_RECORDS);
    store.transaction(() => {
      for (const { id } of slice) shrunk += Number(shrink(store, id, nowMs));
    });
    await setImmediate();
  }
  store.state.set('tombstones_swept_ms', nowMs);
  return shrunk;
}

function shrink({ issues }: Store, id: string, nowMs: number): boolean {
  const state = issues.state(id);
  const shrunk = state === undefined ? undefined : shrinkTombstone(state);
  if (shrunk === undefined) return false;
  issues.put(encodeIssue(shrunk), { kind: 'shrunk', actor: '', origin: 'local', atMs: nowMs });
  return true;
}
