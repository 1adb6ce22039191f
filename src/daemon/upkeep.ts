import { once } from 'node:events';
import { basename } from 'node:path';
import { toBdError } from '../core/errors.ts';
import { LOOK_INTERVAL_MS, LOOK_SPACING_MS, WAKE_JITTER_MS } from '../core/limits.ts';
import { watchPresence } from '../platform/presence-watch.ts';
import { forgetCrashInTime } from './crash.ts';
import type { DaemonModule } from './daemon-module.ts';
import type { ServingContext } from './server.ts';

/** What a daemon does unasked: it looks after its files, and catches up after the machine slept. */
export function createUpkeep(context: ServingContext): DaemonModule {
  return {
    name: 'upkeep',
    async run(signal) {
      const stop = startUpkeep(context);
      if (!signal.aborted) await once(signal, 'abort');
      stop();
    },
  };
}

/** Returns what ends it. */
export function startUpkeep(context: ServingContext): () => void {
  const { place, clock, healthCheck, checkpoint, server, standing, post, check } = context;
  const presence = watchPresence(place.beadsDir, {
    names: [place.socketLink, place.lockFile].map((path) => basename(path)),
    onChange: () => healthCheck.soon(),
  });
  let cancelCatchUp = (): void => {};
  healthCheck.start({
    intervalMs: () => (presence.isWatching ? LOOK_INTERVAL_MS : LOOK_SPACING_MS),
    onCheck({ isWake }) {
      // Another process may own what is there now.
      if (standing() !== 'ours') return check();
      keepLink(context);
      if (isWake) {
        post({ kind: 'woke', nowMs: clock.nowMs() });
        cancelCatchUp();
        cancelCatchUp = catchUp(context);
      }
      check();
      if (server.connections.awake === 0) checkpoint.now();
    },
  });
  // What happened since the start was not watched.
  if (standing() === 'ours') keepLink(context);
  else check();
  const stopForgetting = forgetCrashInTime(place, clock);
  return () => {
    presence.close();
    healthCheck.stop();
    cancelCatchUp();
    checkpoint.stop();
    stopForgetting();
  };
}

/** Without its link no client finds the daemon, which still holds the lock: so it ends. */
function keepLink({ log, post, server }: ServingContext): void {
  try {
    server.restoreLink();
  } catch (error) {
    const { message } = toBdError(error);
    log.warn(message);
    post({ kind: 'stop_requested', reason: message });
  }
}

/**
 * After a sleep, planned times are far away or long past, and others have worked meanwhile. Returns what
 * cancels it.
 */
function catchUp({ workspace: { sync }, clock }: ServingContext): () => void {
  // Not at once: all machines of an office may have woken up now.
  return clock.after(Math.random() * WAKE_JITTER_MS, () => {
    sync.storeChanged();
    sync.activity();
  });
}
