import type { GitReachOptions } from '../../git/git.ts';
import type { State } from '../../store/state.ts';
import type { Store } from '../../store/store.ts';
import type { SyncBranch } from './sync-branch.ts';

/** Call when the user wants a branch back that was deleted on the remote. */
export function allowPublishing(store: Store): void {
  store.state.delete('imported_from');
}

/** Whether the store has not taken in the branches that the repository holds. */
export function lacksRepository({ state }: Store): boolean {
  return (state.get('written_tip') ?? state.get('imported_tip')) === undefined;
}

/** Call when the branch may lack what the store holds, although the outbox is empty. */
export function forgetShared({ state }: Store): void {
  state.delete('pushed_tip');
}

/**
 * How many commits may leave loose objects before they are packed. A commit of the whole file leaves up to a
 * megabyte, one of a part some 25 KB; git's own `gc` would start after thousands of either.
 */
const COMMITS_UNPACKED_MAX = { file: 20, parts: 200 };

/** Call for each new commit in the repository, in the transaction that notes it. */
export function countCommit(state: State): void {
  state.set('commits_unpacked', (state.get('commits_unpacked') ?? 0) + 1);
}

/** Packs the branch's objects when many are loose, which takes a second or two. Never throws. */
export async function packWhenDue(
  state: State,
  branch: SyncBranch,
  options: GitReachOptions,
): Promise<'packed' | 'not due' | 'failed'> {
  const count = state.get('commits_unpacked') ?? 0;
  if (count < COMMITS_UNPACKED_MAX.file) return 'not due';
  try {
    const { ours } = await branch.tips();
    const snapshot = await branch.snapshot(ours);
    if (snapshot === undefined) return 'not due';
    const most = COMMITS_UNPACKED_MAX[snapshot.shards === undefined ? 'file' : 'parts'];
    if (count < most) return 'not due';
    const since = state.get('packed_tip');
    // Counts from 0 even if packing fails: it is tried again after as many commits, not after each.
    state.set('commits_unpacked', 0);
    state.delete('packed_tip');
    await branch.pack(snapshot.commit, { ...options, since });
    state.set('packed_tip', snapshot.commit);
    return 'packed';
  } catch {
    // The user's own gc was running, or the disk is full: loose objects do no harm.
    return 'failed';
  }
}
