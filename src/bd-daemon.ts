import { closeSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CRASH_EXIT_CODE, recordCrash } from './daemon/crash.ts';
import { runDaemon, type FirstWord } from './daemon/lifecycle.ts';
import { WorkspacePlace } from './place/workspace-place.ts';
import { systemClock } from './platform/clock.ts';
import { toRpcError } from './protocol/messages.ts';

/** The pipe to the client that started this daemon; see client/spawn-daemon.ts. */
const READY_FD = 3;

const [, , beadsDir, flag] = process.argv;
const place = beadsDir === undefined ? undefined : new WorkspacePlace(beadsDir);
const stop = new AbortController();

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // A second signal means: do not wait for anything.
    if (stop.signal.aborted) process.exit(1);
    stop.abort(signal);
  });
}

// Unhandled rejections end up here too.
process.on('uncaughtException', (error: unknown) => {
  if (place !== undefined) recordCrash(place, error, { nowMs: systemClock.nowMs() });
  process.exit(CRASH_EXIT_CODE);
});

if (place === undefined) {
  writeSync(2, 'usage: bd-daemon <.beads directory>; started by bd, or use `bd daemon run`\n');
  process.exitCode = 2;
} else {
  void runDaemon({
    place,
    env: process.env,
    clock: systemClock,
    program: join(import.meta.dirname, 'bd-daemon.js'),
    staysWhenIdle: false,
    report: sayFirstWord,
    stop: stop.signal,
  }).then((exitCode) => process.exit(exitCode));
}

function sayFirstWord(word: FirstWord): void {
  const line = {
    ready: () => 'R\n',
    busy: () => 'B\n',
    failed: () => `E ${word.kind === 'failed' ? JSON.stringify(toRpcError(word.error)) : ''}\n`,
  }[word.kind]();
  // Without this flag the descriptor belongs to something else.
  if (flag !== '--ready-pipe') return;
  try {
    writeSync(READY_FD, line);
    closeSync(READY_FD);
  } catch {
    // The client is gone.
  }
}
