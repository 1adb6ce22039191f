import { SCHEMA_VERSION } from '../store/upgrade.ts';
import type { Workspace } from './workspace.ts';

/** What a process that keeps a workspace open does with its store, beside the operations. */

/** In the store, so that a daemon that is started again knows it. */
const RETIRED = 'daemon_retired_ms';

export function schemaVersion(): number {
  return SCHEMA_VERSION;
}

/** When a daemon of this workspace last made room for a newer one; 0 for never. */
export function lastRetirementMs({ store }: Pick<Workspace, 'store'>): number {
  return Number(store.settings.get(RETIRED) ?? 0);
}

export function noteRetirement({ store }: Pick<Workspace, 'store'>, nowMs: number): void {
  store.settings.set(RETIRED, String(nowMs));
}

/** Empties a write-ahead log that has grown; call while nobody works with the store. */
export function checkpoint({ store }: Pick<Workspace, 'store'>): void {
  store.rest();
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
