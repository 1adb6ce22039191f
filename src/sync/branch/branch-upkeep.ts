import type { GitReachOptions } from '../../git/git.ts';
import type { Settings } from '../../store/settings.ts';
import type { SyncBranch } from './sync-branch.ts';

/**
 * How many commits may leave loose objects before they are packed. A commit of the whole file leaves up to a
 * megabyte, one of a part some 25 KB; git's own `gc` would start after thousands of either.
 */
const COMMITS_UNPACKED_MAX = { file: 20, parts: 200 };

/** About how many commits of the branch have loose objects. */
const UNPACKED = 'commits_unpacked';
/** The commit whose history is packed. */
const PACKED = 'packed_tip';

/** Call for each new commit in the repository, in the transaction that notes it. */
export function countCommit(settings: Settings): void {
  settings.set(UNPACKED, String(Number(settings.get(UNPACKED) ?? 0) + 1));
}

/** Packs the branch's objects when many are loose, which takes a second or two. Never throws. */
export async function packWhenDue(
  settings: Settings,
  branch: SyncBranch,
  options: GitReachOptions,
): Promise<'packed' | 'not due' | 'failed'> {
  const count = Number(settings.get(UNPACKED) ?? 0);
  if (count < COMMITS_UNPACKED_MAX.file) return 'not due';
  try {
    const { ours } = await branch.tips();
    const snapshot = ours === undefined ? undefined : await branch.snapshot(ours);
    if (snapshot === undefined) return 'not due';
    const most = COMMITS_UNPACKED_MAX[snapshot.shards === undefined ? 'file' : 'parts'];
    if (count < most) return 'not due';
    const since = settings.get(PACKED);
    // Counts from 0 even if packing fails: it is tried again after as many commits, not after each.
    settings.set(UNPACKED, '0');
    settings.delete(PACKED);
    await branch.pack(snapshot.commit, { ...options, since });
    settings.set(PACKED, snapshot.commit);
    return 'packed';
  } catch {
    // The user's own gc was running, or the disk is full: loose objects do no harm.
    return 'failed';
  }
}
