import { messageOf } from '../core/errors.ts';
import { PROBE_TIMEOUT_MS } from '../core/limits.ts';
import type { DaemonStatusResult } from '../protocol/daemon-methods.ts';
import { connect, connectTo, type Connection } from './connect.ts';
import { ask } from './request.ts';

export type Probe =
  | { kind: 'answered'; status: DaemonStatusResult }
  | { kind: 'absent' }
  /** Sockets are not allowed here, or this one is not ours: whether a daemon runs, nobody can say. */
  | { kind: 'forbidden'; reason: string }
  /** Something is there, and does not answer. */
  | { kind: 'silent'; reason: string };

/** Asks a workspace's daemon how it is; starts none, and ends in time whatever is there. */
export async function probeDaemon(beadsDir: string): Promise<Probe> {
  return await probe((timeoutMs) => connect(beadsDir, { timeoutMs }));
}

/** The same by the socket itself: nothing leads to that of a daemon whose workspace is gone. */
export async function probeSocket(path: string): Promise<Probe> {
  return await probe((timeoutMs) => connectTo(path, { timeoutMs }));
}

async function probe(reach: (timeoutMs: number) => Promise<Connection>): Promise<Probe> {
  const endMs = performance.now() + PROBE_TIMEOUT_MS;
  const connection = await reach(PROBE_TIMEOUT_MS);
  if (connection.kind === 'absent' || connection.kind === 'forbidden') return connection;
  if (connection.kind === 'unresponsive') return { kind: 'silent', reason: connection.reason };
  const timeoutMs = Math.max(Math.ceil(endMs - performance.now()), 1);
  try {
    return {
      kind: 'answered',
      status: await ask(connection.socket, 'daemon_status', { timeoutMs }),
    };
  } catch (error) {
    return { kind: 'silent', reason: messageOf(error) };
  }
}
