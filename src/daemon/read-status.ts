import { EVENT_LOOP_TURNS } from '../core/limits.ts';
import { timestampAt } from '../core/timestamp.ts';
import { VERSION } from '../core/version.ts';
import type { Clock } from '../platform/clock.ts';
import type { DaemonStatusResult } from '../protocol/daemon-methods.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { DaemonLog } from './daemon-log.ts';

export interface DaemonFacts {
  workspace: Pick<Workspace, 'place' | 'sync'>;
  socketPath: string;
  startedMs: number;
  clock: Clock;
  build: string | null;
  /** How many connections are open. */
  connections: () => number;
  lastError: DaemonLog['lastError'];
}

export async function readStatus(facts: DaemonFacts): Promise<DaemonStatusResult> {
  const { workspace, clock, startedMs } = facts;
  const delayMs = await measureEventLoopDelay();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    pid: process.pid,
    version: VERSION,
    build: facts.build,
    uptime_ms: clock.nowMs() - startedMs,
    rss_bytes: rss,
    heap_bytes: heapUsed,
    event_loop_delay_ms: delayMs,
    connections: facts.connections(),
    workspace: workspace.place.projectDir,
    beads_dir: workspace.place.beadsDir,
    socket: facts.socketPath,
    started_at: timestampAt(startedMs),
    watcher: workspace.sync.watching(),
    sync: workspace.sync.status(),
    last_error: facts.lastError() ?? null,
  };
}

/**
 * How long a callback that is due has to wait, in the longest of a few turns. Taken when somebody asks:
 * Node's own histogram would wake an idle daemon a hundred times a second.
 */
async function measureEventLoopDelay(): Promise<number> {
  let longestMs = 0;
  for (let turn = 0; turn < EVENT_LOOP_TURNS; turn += 1) {
    const startMs = performance.now();
    await new Promise((done) => setImmediate(done));
    longestMs = Math.max(longestMs, performance.now() - startMs);
  }
  return Math.round(longestMs * 100) / 100;
}
