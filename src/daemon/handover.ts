import { SUCCESSION_WAIT_MS } from '../core/limits.ts';
import { acquireKernelLock, type KernelLock } from '../platform/kernel-lock.ts';
import { readLink } from '../place/socket-link.ts';
import { daemonLockPath, socketLinkPath } from '../place/workspace-files.ts';

/** Between two looks whether another daemon serves the workspace by now. */
const LOOK_INTERVAL_MS = 100;

/**
 * The workspace's lock, at once or when the daemon before has ended: that one takes its link away first,
 * and lets go when it has answered and written everything. Undefined where somebody goes on holding it.
 */
export async function succeed(
  beadsDir: string,
  { stop }: { stop: AbortSignal },
): Promise<KernelLock | undefined> {
  const endMs = performance.now() + SUCCESSION_WAIT_MS;
  for (;;) {
    const lock = await acquireKernelLock(daemonLockPath(beadsDir), { waitMs: LOOK_INTERVAL_MS });
    if (lock !== undefined) return lock;
    const isServed = readLink(socketLinkPath(beadsDir)) !== undefined;
    if (isServed || stop.aborted || performance.now() >= endMs) return undefined;
  }
}
