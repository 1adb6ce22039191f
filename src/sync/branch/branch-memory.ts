import type { Store } from '../../store/store.ts';

/** What a store remembers of its branch, by the names of its settings. */
/** The last commit of the remote's branch whose lines are in the store. */
export const IMPORTED = 'imported_tip';
/** Which branch of which remote that was: when it is gone, somebody deleted it. */
export const IMPORTED_FROM = 'imported_from';
/** Our last commit: when the ref is elsewhere, this store is not the one that wrote it. */
export const WRITTEN = 'written_tip';
/** The last commit that was seen to show the store, shared as far as it can be. */
export const SHARED = 'pushed_tip';

/** Notes where the branch was found: written only when it is news. */
export function noteFrom({ settings }: Store, from: string): void {
  if (settings.get(IMPORTED_FROM) !== from) settings.set(IMPORTED_FROM, from);
}

/** A person's word that a branch which was deleted on the remote is to be there again. */
export function allowPublishing(store: Store): void {
  store.settings.delete(IMPORTED_FROM);
}

/** What the branch shows may lack what the store holds, although nothing waits to be shared. */
export function forgetShared({ settings }: Store): void {
  settings.delete(SHARED);
}
