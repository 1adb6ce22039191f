import type { Store } from '../../store/store.ts';

/** Notes the remote and branch that issues came from; writes only a change. */
export function noteFrom({ state }: Store, from: string): void {
  if (state.get('imported_from') !== from) state.set('imported_from', from);
}

/** Call when the user wants a branch back that was deleted on the remote. */
export function allowPublishing(store: Store): void {
  store.state.delete('imported_from');
}

/** Call when the branch may lack what the store holds, although the outbox is empty. */
export function forgetShared({ state }: Store): void {
  state.delete('pushed_tip');
}
