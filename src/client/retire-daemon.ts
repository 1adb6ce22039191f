import { BdError } from '../core/errors.ts';
import { connect } from './connect.ts';
import { ask, unlessEnding } from './request.ts';

export interface RetiredDaemon {
  pid: number;
  version: string;
}

/** Has the daemon make room for the next one, if there is one; it may still be finishing what runs. */
export async function retireDaemon(beadsDir: string): Promise<RetiredDaemon | undefined> {
  const asked = await connect(beadsDir);
  if (asked.kind === 'absent') return undefined;
  if (asked.kind !== 'connected') throw unreachable(asked.reason);
  const found = await unlessEnding(ask(asked.socket, 'hello'));
  if (found === undefined) return undefined;
  const again = await connect(beadsDir);
  if (again.kind === 'connected') {
    await unlessEnding(ask(again.socket, 'retire', { params: { reason: 'a reload' } }));
  }
  return { pid: found.pid, version: found.version };
}

function unreachable(reason: string): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `cannot reach the daemon: ${reason}`,
    remedy:
      'Try again; if it stays like this, end its process: `.beads/daemon.pid` has its number.',
  });
}
