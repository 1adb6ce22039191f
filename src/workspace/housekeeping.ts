import { SCHEMA_VERSION } from '../store/schema.ts';
import type { Workspace } from './workspace.ts';

/** What a process that keeps a workspace open does with its store, beside the operations. */

export function schemaVersion(): number {
  return SCHEMA_VERSION;
}

/** When a daemon of this workspace last made room for a newer one; 0 for never. */
export function lastRetirementMs({ store }: Pick<Workspace, 'store'>): number {
  return store.state.get('daemon_retired_ms') ?? 0;
}

export function noteRetirement({ store }: Pick<Workspace, 'store'>, nowMs: number): void {
  store.state.set('daemon_retired_ms', nowMs);
}

/**
 * Removes some of what the store need not keep, and empties a write-ahead log that has grown; call while nothing
 * works with the store. Returns whether there is more to remove.
 */
export function checkpoint({ store, tidy }: Pick<Workspace, 'store' | 'tidy'>): boolean {
  const hasMore = tidy();
  store.rest();
  return hasMore;
}

/** Whether changes wait to be shared. Where nothing is ever sent, nothing waits. */
export function hasUnshared({ sync, store }: Pick<Workspace, 'store' | 'sync'>): boolean {
  try {
    const { state, pending } = sync.status();
    return pending > 0 && state !== 'no_remote' && state !== 'off' && state !== 'by_hand';
  } catch (error) {
    // Something may wait in a store that another program has locked. Damage is found by the next check.
    store.explain(error);
    return true;
  }
}
