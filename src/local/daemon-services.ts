import type { CommandIo } from '../cli/command-io.ts';
import type { DaemonServices } from '../cli/local-services.ts';
import { readActor } from '../client/client-environment.ts';
import { lookAtDaemon } from '../client/daemon-health.ts';
import { reportStatus } from '../client/daemon-report.ts';
import { setDaemonOff, setDaemonOn } from '../client/daemon-notes.ts';
import { bridgeMcp } from '../client/mcp-bridge.ts';
import { showLog } from '../client/show-log.ts';
import type { DaemonStart } from '../client/spawn-daemon.ts';
import { retireDaemon, stopDaemonsOf } from '../client/stop-daemon.ts';
import { omitUndefined } from '../core/omit-undefined.ts';
import { findHere, type ClientHost } from './client-host.ts';
import { findDaemonRefusal, requireDaemon, startDaemon } from './start-daemon.ts';

export function createDaemonServices(
  host: ClientHost,
  /** Creates the workspace of a clone that has issues and no workspace yet. */
  { prepare }: { prepare: () => Promise<boolean> },
): DaemonServices {
  const { env } = host;
  return {
    findHere: () => findHere(host),
    async startDaemon() {
      await prepare();
      return await startDaemon(startHere(host));
    },
    stopDaemon: async (how) => await stopDaemonsOf(findHere(host), { env, ...how }),
    async reloadDaemon() {
      const previous = await retireDaemon(findHere(host));
      const { pid, version } = await startDaemon(startHere(host));
      return omitUndefined({ pid, version, previous });
    },
    async switchDaemonOff(how) {
      const place = findHere(host);
      // First, so that no other command restarts it.
      await setDaemonOff(place, how);
      return await stopDaemonsOf(place, { env, ...how });
    },
    switchDaemonOn: async () => setDaemonOn(findHere(host)),
    async daemonStatus() {
      const place = findHere(host);
      const daemon = await lookAtDaemon(place);
      const refusal =
        daemon.state === 'absent' ? await findDaemonRefusal(place, { env }) : undefined;
      return reportStatus(place, daemon, { refusal: refusal?.reason });
    },
    async runDaemon(options) {
      await prepare();
      return await host.serve(findHere(host), options);
    },
    async showLog(place, { follows, ...options }) {
      const until = follows ? { until: host.interrupted() } : {};
      await showLog(place, { ...options, ...until });
    },
  };
}

/** Connects standard input and output to the daemon until either ends; returns the exit code. */
export async function serveMcp(
  io: CommandIo,
  host: ClientHost,
  { prepare }: { prepare: () => Promise<boolean> },
): Promise<number> {
  return await bridgeMcp({
    input: host.stdin,
    output: host.stdout,
    async connect() {
      await prepare();
      return await requireDaemon(startHere(host));
    },
    hello: omitUndefined({ cwd: host.cwd, actor: readActor(host.env) }),
    say: (text) => io.stderr(text),
  });
}

function startHere(host: ClientHost): DaemonStart {
  return { place: findHere(host), program: host.program, env: host.env };
}
