import { readActor } from '../client/client-environment.ts';
import { showLog } from '../client/show-log.ts';
import { setDaemonOff, setDaemonOn } from '../client/daemon-off.ts';
import type { DaemonStatus } from '../client/daemon-status.ts';
import { findDaemons } from '../client/fleet.ts';
import { bridgeMcp } from '../client/mcp-bridge.ts';
import { probeDaemon } from '../client/probe-daemon.ts';
import { retireDaemon, type RetiredDaemon } from '../client/retire-daemon.ts';
import { stopDaemon } from '../client/stop-daemon.ts';
import { BdError } from '../core/errors.ts';
import type { Environment } from '../platform/environment.ts';
import { findHere, type ClientHost, type RunOptions } from './client-host.ts';
import type { CommandIo } from './command-io.ts';
import { noDaemon, refusedBySwitch } from './daemon-refusal.ts';
import { given } from './given.ts';
import { describeDaemon } from './describe-daemon.ts';
import { connectOrStart, startDaemon, type StartReport } from './start-daemon.ts';
import { describeService, type ServiceFile } from './service/service-file.ts';
import {
  installService,
  readServiceStatus,
  uninstallService,
  type ServiceReport,
  type ServiceStatus,
} from './service/service.ts';

/** What commands about daemons need from the client's own process. */
export interface DaemonServices {
  startDaemon(): Promise<StartReport>;
  /** Asks it to end and waits until it has; `stopped` is false when none was running. */
  stopDaemon(options?: StopOptions): Promise<StopReport>;
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
  /** Has the system's service manager run it, instead of the first command. */
  installService(): Promise<ServiceReport>;
  /** Undefined when there is none. */
  uninstallService(): Promise<ServiceReport | undefined>;
  serviceStatus(): Promise<ServiceStatus>;
  /** Connects standard input and output to the daemon until either ends; returns the exit code. */
  bridgeMcp(): Promise<number>;
}

export interface StopOptions {
  /** End it with a signal when it does not end by itself. */
  isForced: boolean;
}

export interface ShowLogOptions {
  lines: number;
  follows: boolean;
  print: (text: string) => void;
}

export interface StopReport {
  stopped: boolean;
  pid?: number;
}

export function createDaemonServices(
  io: CommandIo,
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
    stopDaemon: async (options) => await stopDaemonOf(findHere(host), { env, ...options }),
    async reloadDaemon() {
      const previous = await retireDaemon(findHere(host));
      const { pid, version } = await startDaemon(findHere(host), host);
      return { pid, version, ...(previous === undefined ? {} : { previous }) };
    },
    async switchDaemonOff(how) {
      const beadsDir = findHere(host);
      // First, so that no other command starts it anew meanwhile.
      await setDaemonOff(beadsDir, how);
      return await stopDaemonOf(beadsDir, { env, ...how });
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
    async installService() {
      const beadsDir = findHere(host);
      const file = requireService(beadsDir, host);
      // One serves at a time: the service's own would find the workspace taken, and end.
      await stopDaemonOf(beadsDir, { env });
      return await installService(file, env);
    },
    uninstallService: async () => await uninstallService(requireService(findHere(host), host), env),
    serviceStatus: async () => await readServiceStatus(requireService(findHere(host), host), env),
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
        hello: given({ cwd: host.cwd, actor: readActor(env) }),
        say: (text) => io.stderr(text),
      }),
  };
}

/** Returns when all daemons of the workspace have written everything and let go of it. */
export async function stopDaemonOf(
  beadsDir: string,
  { env, isForced = false }: Partial<StopOptions> & { env: Environment },
): Promise<StopReport> {
  const running = await findDaemons(beadsDir, env);
  for (const member of running) await stopDaemon(member, { isForced });
  const [first] = running;
  if (first === undefined) return { stopped: false };
  return { stopped: true, ...(first.pid === undefined ? {} : { pid: first.pid }) };
}

/** The service of a workspace, whether it is installed or not; undefined where bd knows no manager. */
export function serviceOf(
  beadsDir: string,
  { program, env, cliFile }: ClientHost,
): ServiceFile | undefined {
  const wish = {
    beadsDir,
    program: [program.execPath, cliFile] as const,
    path: env['PATH'] ?? '/usr/bin:/bin',
  };
  return describeService(wish, { platform: process.platform, env });
}

function requireService(beadsDir: string, host: ClientHost): ServiceFile {
  const service = serviceOf(beadsDir, host);
  if (service !== undefined) return service;
  throw new BdError('USAGE', {
    message: `bd knows no service manager on ${process.platform}`,
    remedy: 'Have yours run `bd daemon run --stay` in the project.',
  });
}
