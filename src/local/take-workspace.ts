import { callFormerDaemon } from '../client/connect.ts';
import { BdError } from '../core/errors.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import { acquireKernelLock, type KernelLock } from '../platform/kernel-lock.ts';
import { createForHeir } from '../platform/owner.ts';

/** The workspace's lock, for a command that runs without a daemon; throws `LOCK_UNAVAILABLE` after `waitMs`. */
export async function takeWorkspace(
  place: WorkspacePlace,
  { waitMs }: { waitMs: number },
): Promise<KernelLock> {
  place.refuseLinks();
  createForHeir(place.beadsDir, ['daemon.lock', 'beads.db']);
  await callFormerDaemon(place);
  const lock = await acquireKernelLock(place.lockFile, { waitMs });
  if (lock !== undefined) return lock;
  throw new BdError('LOCK_UNAVAILABLE', {
    message: `${place.nameHolder()} holds ${place.beadsDir}, and did not release it within ${waitMs / 1000} s`,
    remedy: 'Wait until it is done; if it is a daemon, stop it with `bd daemon stop`.',
  });
}
