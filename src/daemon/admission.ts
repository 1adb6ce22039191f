import { BdError } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import type { HelloResult } from '../protocol/daemon-methods.ts';
import {
  decideHandshake,
  overlap,
  readClient,
  readProtocol,
  PROTOCOL,
} from '../protocol/handshake.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { DaemonContext } from './daemon-context.ts';
import type { ProgramFile } from './program-file.ts';

const CAPABILITIES = ['cancel', 'going_away', 'key', 'lsp', 'mcp', 'passive'] as const;

interface AdmissionOptions {
  /** Tells this daemon from all others. */
  instance: string;
  /** Called once; when it returns, no other client finds this daemon. */
  retired: (reason: string) => void;
}

/** Lets each caller say who it is, and tells it whether this daemon is the one for it. */
export function createAdmission(
  { place, workspace, program, clock }: DaemonContext,
  { instance, retired }: AdmissionOptions,
) {
  const { projectDir } = place;
  let reason: string | undefined;
  const retire = (why: string): void => {
    if (reason !== undefined) return;
    reason = why;
    retired(why);
  };
  const decline = (why: string): BdError =>
    new BdError('DAEMON_RETIRING', {
      message: `the daemon of ${projectDir} ends (${why}), and did not do this`,
      remedy: 'Run it again: the next daemon does it.',
    });
  const retiredMs = workspace.store.state.get('daemon_retired_ms') ?? 0;
  const here = { version: VERSION, protocol: PROTOCOL };
  return {
    /** Throws `DAEMON_RETIRING` before anything is done that is for another daemon. */
    admit(params: unknown): void {
      if (reason === undefined && program.isReplaced()) retire('its program was replaced');
      if (reason !== undefined) throw decline(reason);
      const client = readClient(params);
      const sinceRetirementMs = clock.nowMs() - retiredMs;
      const decision = decideHandshake(here, client, { sinceRetirementMs });
      if (decision === 'serve') return;
      const version = client?.version ?? '';
      if (decision === 'client_too_old') throw tooOld(version, { projectDir, program });
      remember(workspace, clock.nowMs());
      retire(`bd ${version} is newer`);
      throw decline(`bd ${version} is newer`);
    },
    hello(params: unknown): HelloResult {
      const asked = readProtocol(params);
      const protocol = overlap(PROTOCOL, asked);
      if (protocol === undefined) throw otherProtocol(asked);
      return {
        protocol,
        instance,
        version: VERSION,
        build: program.build,
        schema: workspace.schemaVersion,
        pid: process.pid,
        workspace: projectDir,
        state: reason === undefined ? 'serving' : 'retiring',
        capabilities: CAPABILITIES,
      };
    },
    /** Makes room: from now on every command is for the next daemon. */
    retire,
    /** The answer to what this daemon has not begun, or not changed anything with. */
    decline,
  };
}

/** A store that cannot be written, on a full disk say, must not keep a newer bd from its daemon. */
function remember(workspace: Workspace, nowMs: number): void {
  try {
    workspace.store.state.set('daemon_retired_ms', nowMs);
  } catch {
    // The next daemon may retire sooner than need be.
  }
}

function tooOld(
  version: string,
  { projectDir, program }: { projectDir: string; program: ProgramFile },
): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `this bd (${version}) is too old for the daemon of ${projectDir} (${VERSION})`,
    remedy: `Upgrade it: the daemon runs ${program.path}.`,
  });
}

function otherProtocol({ min, max }: { min: number; max: number }): BdError {
  return new BdError('BAD_REQUEST', {
    message: `the daemon (${VERSION}) speaks protocol ${PROTOCOL.min} to ${PROTOCOL.max}, not ${min} to ${max}`,
    remedy: 'Upgrade whichever of the two is older.',
  });
}
