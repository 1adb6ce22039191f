import type { Socket } from 'node:net';
import { connect } from '../client/connect.ts';
import {
  probeDaemons,
  readDaemonStatus,
  summariseHealth,
  type DaemonEntry,
  type DaemonStatus,
  type HealthReport,
} from '../client/daemon-health.ts';
import { setDaemonOff, setDaemonOn } from '../client/daemon-off.ts';
import { ensureDaemon } from '../client/ensure-daemon.ts';
import { bridgeMcp } from '../client/mcp-bridge.ts';
import { readRegistry, registryPath } from '../client/registry.ts';
import { ask } from '../client/request.ts';
import { retireDaemon, type RetiredDaemon } from '../client/retire-daemon.ts';
import { forgetStartFailure } from '../client/start-failure.ts';
import { BdError, toBdError } from '../core/errors.ts';
import { STOP_TIMEOUT_MS } from '../core/limits.ts';
import type { Environment } from '../platform/environment.ts';
import { readDaemonPid } from '../platform/workspace-files.ts';
import { findHere, type ClientHost } from './client-host.ts';
import type { CommandIo } from './command-io.ts';
import { findDaemonRefusal, noDaemon, refusedByPlace, refusedBySwitch } from './daemon-refusal.ts';

/** What commands about daemons need from the client's own process. */
export interface DaemonServices {
  startDaemon(): Promise<{ pid: number; version: string; alreadyRunning: boolean }>;
  /** Asks it to end and waits until it has; `stopped` is false when none was running. */
  stopDaemon(): Promise<{ stopped: boolean; pid?: number }>;
  /** Another daemon in place of the one that runs, when that has finished what runs there. */
  reloadDaemon(): Promise<{ pid: number; version: string; previous?: RetiredDaemon }>;
  /** Stops it, and lets none start by itself from now on; `forMs` ends that by itself. */
  switchDaemonOff(how: { forMs?: number }): Promise<{ stopped: boolean; pid?: number }>;
  switchDaemonOn(): Promise<void>;
  /** Never starts a daemon; tells why none does by itself. */
  daemonStatus(): Promise<DaemonStatus>;
  /** Serves in this process until told to stop; returns the exit code. */
  runDaemon(): Promise<number>;
  /** Every registered daemon, living or not; never starts one. */
  listDaemons(): Promise<DaemonEntry[]>;
  daemonsHealth(): Promise<HealthReport>;
  /** Connects standard input and output to the daemon until either ends; returns the exit code. */
  bridgeMcp(): Promise<number>;
}

export function createDaemonServices(
  io: CommandIo,
  host: ClientHost,
  /** Makes the workspace of a clone that has issues and none yet. */
  { prepare }: { prepare: () => Promise<boolean> },
): DaemonServices {
  const { env } = host;
  const listEntries = async () => await probeDaemons(await readRegistry(registryPath(env)));
  return {
    async startDaemon() {
      await prepare();
      return await startDaemon(findHere(host), host);
    },
    stopDaemon: async () => await stopDaemon(findHere(host)),
    async reloadDaemon() {
      const previous = await retireDaemon(findHere(host));
      const { pid, version } = await startDaemon(findHere(host), host);
      return { pid, version, ...(previous === undefined ? {} : { previous }) };
    },
    async switchDaemonOff(how) {
      const beadsDir = findHere(host);
      // First, so that no other command starts it anew meanwhile.
      await setDaemonOff(beadsDir, how);
      return await stopDaemon(beadsDir);
    },
    switchDaemonOn: async () => setDaemonOn(findHere(host)),
    async daemonStatus() {
      const beadsDir = findHere(host);
      const status = await readDaemonStatus(beadsDir);
      if (status.status !== 'not_running') return status;
      const refusal = await findDaemonRefusal(beadsDir, { env });
      return refusal === undefined ? status : { ...status, refused: refusal.reason };
    },
    async runDaemon() {
      await prepare();
      return await host.serve(findHere(host));
    },
    listDaemons: listEntries,
    daemonsHealth: async () => summariseHealth(await listEntries()),
    bridgeMcp: async () =>
      await bridgeMcp({
        input: host.stdin,
        output: host.stdout,
        async connect() {
          await prepare();
          const beadsDir = findHere(host);
          const off = refusedBySwitch(beadsDir);
          if (off !== undefined) throw noDaemon(off);
          return await connectOrStart(beadsDir, host);
        },
        hello: { cwd: host.cwd, ...actorOf(env) },
        say: (text) => io.stderr(text),
      }),
  };
}

async function startDaemon(beadsDir: string, host: ClientHost) {
  const before = await connect(beadsDir);
  const alreadyRunning = before.kind === 'connected';
  // Who asks for it may have mended what kept it from starting.
  forgetStartFailure(beadsDir);
  const socket = alreadyRunning ? before.socket : await connectOrStart(beadsDir, host);
  const { pid, version } = await ask(socket, 'daemon_status');
  return { pid, version, alreadyRunning };
}

async function connectOrStart(beadsDir: string, { program, env }: ClientHost): Promise<Socket> {
  const refusal = refusedByPlace(beadsDir);
  if (refusal !== undefined) throw noDaemon(refusal);
  const ensured = await ensureDaemon({ beadsDir, program, env });
  if (ensured.kind === 'connected') return ensured.socket;
  if (ensured.kind !== 'forbidden') throw ensured.error;
  throw new BdError('DAEMON_UNAVAILABLE', {
    message: `a daemon cannot be reached from here: ${ensured.reason}`,
    remedy: 'Allow local sockets, or work without daemon: BEADS_NO_DAEMON=1.',
  });
}

/** Returns when the daemon has written everything and let go of the workspace. */
export async function stopDaemon(beadsDir: string): Promise<{ stopped: boolean; pid?: number }> {
  const asked = await connect(beadsDir);
  if (asked.kind === 'absent') return { stopped: false };
  if (asked.kind !== 'connected') throw cannotStop(beadsDir, asked.reason);
  const { pid } = await ask(asked.socket, 'daemon_status').catch((error: unknown) => {
    throw cannotStop(beadsDir, toBdError(error).message);
  });
  const again = await connect(beadsDir);
  if (again.kind === 'connected') await ask(again.socket, 'shutdown');
  const { takeWorkspace } = await import('./direct.ts');
  const lock = await takeWorkspace(beadsDir, { waitMs: STOP_TIMEOUT_MS });
  lock.release();
  return { stopped: true, pid };
}

function actorOf(env: Environment): { actor?: string } {
  const actor = env['BD_ACTOR'] || env['BEADS_ACTOR'];
  return actor === undefined || actor === '' ? {} : { actor };
}

function cannotStop(beadsDir: string, reason: string): BdError {
  const pid = readDaemonPid(beadsDir);
  const who = pid === undefined ? 'the daemon' : `the daemon (process ${pid})`;
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `cannot stop ${who} of ${beadsDir}: ${reason}`,
    remedy: 'Try again; if it stays like this, end that process: nothing acknowledged is lost.',
  });
}
