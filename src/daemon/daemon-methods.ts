import { EVENT_LOOP_TURNS } from '../core/limits.ts';
import { timestampAt } from '../core/timestamp.ts';
import { VERSION } from '../core/version.ts';
import {
  DAEMON_METHODS,
  type DaemonMethod,
  type DaemonStatusResult,
  type OutputParams,
} from '../protocol/daemon-methods.ts';
import type { Caller } from '../rpc/connection.ts';
import type { DaemonModule } from './daemon-module.ts';
import { runCommandFor } from './run-command.ts';
import type { ServingContext } from './server.ts';

/** What the daemon answers about itself, and the command lines that it runs. */
export function createDaemonMethods(context: ServingContext): DaemonModule {
  const { server, post, workspace } = context;
  const { admission } = server;
  let { notice } = workspace;
  /** On standard error, to the first who runs a command: what it prints itself is read by programs. */
  const tellNotice = (caller: Caller): void => {
    if (notice === undefined) return;
    const output: OutputParams = { stream: 'stderr', text: `Note: ${notice}\n` };
    void caller.notify('output', output);
    notice = undefined;
  };
  return {
    name: 'daemon',
    methods: DAEMON_METHODS,
    async operations(name, params, caller) {
      const method = name as DaemonMethod;
      switch (method) {
        case 'hello': {
          const answer = admission.hello(params);
          if ((params as { passive?: unknown }).passive === true) caller.becomePassive();
          return answer;
        }
        case 'run_command': {
          admission.admit(params);
          const command = DAEMON_METHODS[method].params.check(params, method);
          tellNotice(caller);
          return await runCommandFor(caller, command, context);
        }
        case 'daemon_status':
          DAEMON_METHODS[method].params.check(params, method);
          return await readStatus(context);
        case 'retire': {
          const { reason } = DAEMON_METHODS[method].params.check(params, method);
          admission.retire(reason ?? 'a client asked for it');
          return { message: 'the daemon finishes what runs, and the next one begins' };
        }
        case 'shutdown':
          DAEMON_METHODS[method].params.check(params, method);
          post({ kind: 'stop_requested', reason: 'a client asked for it' });
          return { message: 'the daemon finishes what runs, and ends' };
        default:
          return method satisfies never;
      }
    },
  };
}

async function readStatus(context: ServingContext): Promise<DaemonStatusResult> {
  const { place, workspace, server, clock, log, program, startedMs } = context;
  const delayMs = await measureEventLoopDelay();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    pid: process.pid,
    version: VERSION,
    build: program.build,
    uptime_ms: clock.nowMs() - startedMs,
    rss_bytes: rss,
    heap_bytes: heapUsed,
    event_loop_delay_ms: delayMs,
    connections: server.connections.count,
    workspace: place.projectDir,
    beads_dir: place.beadsDir,
    socket: server.socketPath,
    started_at: timestampAt(startedMs),
    watcher: workspace.sync.watching(),
    sync: workspace.sync.status(),
    last_error: log.lastError() ?? null,
  };
}

/**
 * How long a callback that is due has to wait, in the longest of a few turns. Measured on request: Node's
 * own histogram would wake an idle daemon a hundred times a second.
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
