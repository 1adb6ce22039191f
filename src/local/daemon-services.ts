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
import { findHere, type ClientHost } from './client-host.ts';
import { prepareWorkspace } from './fresh-clone.ts';
import { findDaemonRefusal, requireDaemon, startDaemon } from './start-daemon.ts';

export function createDaemonServices(io: CommandIo, host: ClientHost): DaemonServices {
  const { env, program } = host;
  /** Creates the workspace of a clone that has issues and no workspace yet. */
  const prepare = (): Promise<boolean> => prepareWorkspace(io, host);
  const startHere = (): DaemonStart => ({ place: findHere(host), program, env });
  return {
    findHere: () => findHere(host),
    async startDaemon() {
      await prepare();
      return await startDaemon(startHere());
    },
    stopDaemon: async (how) => await stopDaemonsOf(findHere(host), { env, ...how }),
    async reloadDaemon() {
      const previous = await retireDaemon(findHere(host));
      const { pid, version } = await startDaemon(startHere());
      return { pid, version, previous };
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
      const refusal = daemon.state === 'absent' ? await findDaemonRefusal(place, env) : undefined;
      return reportStatus(place, daemon, refusal?.reason);
    },
    async runDaemon(options) {
      await prepare();
      return await host.serve(findHere(host), options);
    },
    async showLog(place, { follows, ...options }) {
      await showLog(place, { ...options, until: follows ? host.interrupted() : undefined });
    },
    serveMcp: () =>
      bridgeMcp({
        input: host.stdin,
        output: host.stdout,
        async connect() {
          await prepare();
          return await requireDaemon(startHere());
        },
        hello: { cwd: host.cwd, actor: readActor(env) },
        say: (text) => io.stderr(text),
      }),
  };
}
