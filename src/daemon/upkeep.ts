import { basename } from 'node:path';
import { toBdError } from '../core/errors.ts';
import { LOOK_INTERVAL_MS, LOOK_SPACING_MS, WAKE_JITTER_MS } from '../core/limits.ts';
import { watchPresence } from '../platform/presence-watch.ts';
import { daemonLockPath, socketLinkPath } from '../place/workspace-files.ts';
import { forgetCrashInTime } from './crash.ts';
import type { Front } from './server.ts';
import type { RegularLook } from './health-check.ts';
import type { Serving } from './daemon-context.ts';
import type { StoreRest } from './checkpoint.ts';

interface UpkeepOptions {
  look: RegularLook;
  front: Front;
  rest: StoreRest;
}

/** What a daemon does when nobody asks it to: looks after its place, wakes up after a sleep. Returns what ends it. */
export function startUpkeep(serving: Serving, { look, front, rest }: UpkeepOptions): () => void {
  const { beadsDir, clock, standing, post, check } = serving;
  const presence = watchPresence(beadsDir, {
    names: [socketLinkPath, daemonLockPath].map((pathIn) => basename(pathIn(beadsDir))),
    onChange: () => look.soon(),
  });
  let cancelCatchUp = (): void => {};
  look.start({
    intervalMs: () => (presence.isWatching ? LOOK_INTERVAL_MS : LOOK_SPACING_MS),
    look({ isWake }) {
      if (standing() === 'ours') keepLink(serving, front);
      if (isWake) {
        post({ kind: 'woke', nowMs: clock.nowMs() });
        cancelCatchUp();
        cancelCatchUp = catchUp(serving);
      }
      check();
      if (front.connections() === 0) rest.now();
    },
  });
  const stopForgetting = forgetCrashInTime(beadsDir, clock);
  return () => {
    presence.close();
    look.stop();
    cancelCatchUp();
    rest.stop();
    stopForgetting();
  };
}

/** A daemon that nobody can find would only keep commands from doing their work without it. */
function keepLink({ log, post }: Serving, front: Front): void {
  try {
    front.restoreLink();
  } catch (error) {
    const { message } = toBdError(error);
    log.warn(message);
    post({ kind: 'stop_requested', reason: message });
  }
}

/**
 * After a sleep: times that were planned are far away or long past, and others have worked meanwhile. Returns
 * what cancels it.
 */
function catchUp({ workspace: { sync }, clock }: Serving): () => void {
  // Not at once: all machines of an office may have woken up now.
  return clock.after(Math.random() * WAKE_JITTER_MS, () => {
    sync.storeChanged();
    sync.activity();
  });
}
