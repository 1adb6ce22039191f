import type { Socket } from 'node:net';
import { connect } from '../client/connect.ts';
import { ensureDaemon } from '../client/ensure-daemon.ts';
import { ask } from '../client/request.ts';
import { forgetStartFailure } from '../client/start-failure.ts';
import { BdError } from '../core/errors.ts';
import type { ClientHost } from './client-host.ts';
import { noDaemon, refusedByPlace } from './daemon-refusal.ts';

export interface StartReport {
  pid: number;
  version: string;
  alreadyRunning: boolean;
}

type Starter = Pick<ClientHost, 'program' | 'env'>;

/** For a person who asks for it. */
export async function startDaemon(beadsDir: string, starter: Starter): Promise<StartReport> {
  const before = await connect(beadsDir);
  const alreadyRunning = before.kind === 'connected';
  // Who asks for it may have mended what kept it from starting.
  forgetStartFailure(beadsDir);
  const socket = alreadyRunning ? before.socket : await connectOrStart(beadsDir, starter);
  const { pid, version } = await ask(socket, 'daemon_status');
  return { pid, version, alreadyRunning };
}

/** For whoever cannot do without one. */
export async function connectOrStart(beadsDir: string, { program, env }: Starter): Promise<Socket> {
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
