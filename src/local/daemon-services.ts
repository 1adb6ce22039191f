import { setDaemonOff, setDaemonOn } from '../client/daemon-off.ts';
import type { DaemonStatus } from '../client/daemon-status.ts';
import { probeDaemon } from '../client/probe-daemon.ts';
import { retireDaemon, type RetiredDaemon } from '../client/retire-daemon.ts';
import { showLog } from '../client/show-log.ts';
import { stopDaemonsOf, type StopReport } from '../client/stop-daemon.ts';
import { findHere, type ClientHost, type RunOptions } from './client-host.ts';
import { describeDaemon } from './describe-daemon.ts';
import { startDaemon, type StartReport } from './start-daemon.ts';

/** What commands about the daemon of a workspace need from the client's own process. */
export interface DaemonServices {
  startDaemon(): Promise<StartReport>;
  /** Asks it to end and waits until it has; `isForced` ends one by a signal that does not. */
  stopDaemon(how: { isForced: boolean }): Promise<StopReport>;
  /** Another daemon in place of the one that runs, when that has finished what runs there. */
  reloadDaemon(): Promise<{ pid: number; version: string; previous?: RetiredDaemon }>;
  /** Stops it, and lets none start by itself from now on; `forMs` ends that by itself. */
  switchDaemonOff(how: { forMs?: number; isForced?: boolean }): Promise<StopReport>;
  switchDaemonOn(): Promise<void>;
  /** The `.beads` of this workspace. */
  findHere(): string;
  /** Never starts a daemon; tells why none does by itself. */
  daemonStatus(): Promise<DaemonStatus>;
  /** Serves in this process until told to stop; returns the exit code. */
  runDaemon(options: RunOptions): Promise<number>;
  /** Prints the end of its log and, when it `follows`, what is written until the person has seen enough. */
  showLog(beadsDir: string, options: ShowLogOptions): Promise<void>;
}

export interface ShowLogOptions {
  lines: number;
  follows: boolean;
  print: (text: string) => void;
}

export function createDaemonServices(
  host: ClientHost,
  /** Makes the workspace of a clone that has issues and none yet. */
  { prepare }: { prepare: () => Promise<boolean> },
): DaemonServices {
  const { env } = host;
  return {
    async startDaemon() {
      await prepare();
      return await startDaemon(findHere(host), host);
    },
    stopDaemon: async (how) => await stopDaemonsOf(findHere(host), { env, ...how }),
    async reloadDaemon() {
      const previous = await retireDaemon(findHere(host));
      const { pid, version } = await startDaemon(findHere(host), host);
      return { pid, version, ...(previous === undefined ? {} : { previous }) };
    },
    async switchDaemonOff(how) {
      const beadsDir = findHere(host);
      // First, so that no other command starts it anew meanwhile.
      await setDaemonOff(beadsDir, how);
      return await stopDaemonsOf(beadsDir, { env, ...how });
    },
    switchDaemonOn: async () => setDaemonOn(findHere(host)),
    findHere: () => findHere(host),
    async daemonStatus() {
      const beadsDir = findHere(host);
      return await describeDaemon(beadsDir, await probeDaemon(beadsDir), { env });
    },
    async runDaemon(options) {
      await prepare();
      return await host.serve(findHere(host), options);
    },
    async showLog(beadsDir, { follows, ...options }) {
      const until = follows ? { until: host.interrupted() } : {};
      await showLog(beadsDir, { ...options, ...until });
    },
  };
}
