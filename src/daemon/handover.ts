import { SUCCESSION_WAIT_MS } from '../core/limits.ts';
import { acquireKernelLock, type KernelLock } from '../platform/kernel-lock.ts';
import { readLink } from '../place/socket-link.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';

/** How long one attempt waits before it checks whether another daemon serves the workspace. */
const ATTEMPT_MS = 100;

/**
 * Acquires the workspace's lock, waiting for a previous daemon that is ending: that one removes its link
 * first, and releases the lock when it has answered and written everything. Undefined when another
 * process keeps the lock.
 */
export async function takeOver(
  place: WorkspacePlace,
  { stop }: { stop: AbortSignal },
): Promise<KernelLock | undefined> {
  const endMs = performance.now() + SUCCESSION_WAIT_MS;
  for (;;) {
    const lock = await acquireKernelLock(place.lockFile, { waitMs: ATTEMPT_MS });
    if (lock !== undefined) return lock;
    const isServed = readLink(place.socketLink) !== undefined;
    if (isServed || stop.aborted || performance.now() >= endMs) return undefined;
  }
}
