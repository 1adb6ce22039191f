import type { Store } from '../../store/store.ts';

/** Notes where the branch was found: written only when it is news. */
export function noteFrom({ state }: Store, from: string): void {
  if (state.get('imported_from') !== from) state.set('imported_from', from);
}

/** A person's word that a branch which was deleted on the remote is to be there again. */
export function allowPublishing(store: Store): void {
  store.state.delete('imported_from');
}

/** What the branch shows may lack what the store holds, although nothing waits to be shared. */
export function forgetShared({ state }: Store): void {
  state.delete('pushed_tip');
}
