import { basename } from 'node:path';
import { toBdError } from '../core/errors.ts';
import { LOOK_INTERVAL_MS, LOOK_SPACING_MS, WAKE_JITTER_MS } from '../core/limits.ts';
import { watchPresence } from '../platform/presence-watch.ts';
import { forgetCrashInTime } from './crash.ts';
import type { DaemonServer } from './server.ts';
import type { HealthCheck } from './health-check.ts';
import type { DaemonContext } from './daemon-context.ts';
import type { Checkpoint } from './checkpoint.ts';

interface UpkeepOptions {
  look: HealthCheck;
  server: DaemonServer;
  checkpoint: Checkpoint;
}

/** What a daemon does when nobody asks it to: looks after its place, wakes up after a sleep. Returns what ends it. */
export function startUpkeep(
  context: DaemonContext,
  { look, server, checkpoint }: UpkeepOptions,
): () => void {
  const { place, clock, standing, post, check } = context;
  const presence = watchPresence(place.beadsDir, {
    names: [place.socketLink, place.lockFile].map((path) => basename(path)),
    onChange: () => look.soon(),
  });
  let cancelCatchUp = (): void => {};
  look.start({
    intervalMs: () => (presence.isWatching ? LOOK_INTERVAL_MS : LOOK_SPACING_MS),
    look({ isWake }) {
      if (standing() === 'ours') keepLink(context, server);
      if (isWake) {
        post({ kind: 'woke', nowMs: clock.nowMs() });
        cancelCatchUp();
        cancelCatchUp = catchUp(context);
      }
      check();
      if (server.connections() === 0) checkpoint.now();
    },
  });
  const stopForgetting = forgetCrashInTime(place, clock);
  return () => {
    presence.close();
    look.stop();
    cancelCatchUp();
    checkpoint.stop();
    stopForgetting();
  };
}

/** A daemon that nobody can find would only keep commands from doing their work without it. */
function keepLink({ log, post }: DaemonContext, server: DaemonServer): void {
  try {
    server.restoreLink();
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
function catchUp({ workspace: { sync }, clock }: DaemonContext): () => void {
  // Not at once: all machines of an office may have woken up now.
  return clock.after(Math.random() * WAKE_JITTER_MS, () => {
    sync.storeChanged();
    sync.activity();
  });
}
