import { BdError } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import type { Clock } from '../platform/clock.ts';
import type { ProgramFile } from './program-file.ts';
import type { HelloResult } from '../protocol/daemon-methods.ts';
import {
  decideHandshake,
  overlap,
  readClient,
  readProtocol,
  PROTOCOL,
} from '../protocol/handshake.ts';
import type { Config } from '../workspace/config/config.ts';
import { SCHEMA_VERSION } from '../store/upgrade.ts';
import type { Settings } from '../store/settings.ts';

/** Where each caller says who it is, and hears whether this daemon is the one for it. */
export interface Admission {
  /** Throws `DAEMON_RETIRING` before anything of a command is done that is for another daemon. */
  admit(params: unknown): void;
  hello(params: unknown): HelloResult;
  /** Makes room: from now on every command is for the next daemon. */
  retire(reason: string): void;
  /** The answer to a command that this daemon has not begun, or not changed anything with. */
  decline(reason: string): BdError;
}

/** In the store, so that a daemon that is started again knows it. */
const RETIRED = 'daemon_retired_ms';

const CAPABILITIES = ['going_away', 'key', 'lsp', 'mcp'] as const;

export function createAdmission({
  projectDir,
  instance,
  program,
  config,
  settings,
  clock,
  retired,
}: {
  projectDir: string;
  /** Tells this daemon from all others. */
  instance: string;
  program: ProgramFile;
  /** Its settings; edited by hand they are the next daemon's. */
  config: Pick<Config, 'isEdited'>;
  settings: Settings;
  clock: Clock;
  /** Called once; when it returns, no other client finds this daemon. */
  retired: (reason: string) => void;
}): Admission {
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
  const retiredMs = Number(settings.get(RETIRED) ?? 0);
  const here = { version: VERSION, protocol: PROTOCOL };
  return {
    admit(params) {
      if (reason === undefined && program.isReplaced()) retire('its program was replaced');
      if (reason === undefined && config.isEdited()) retire('its settings were edited');
      if (reason !== undefined) throw decline(reason);
      const client = readClient(params);
      const sinceRetirementMs = clock.nowMs() - retiredMs;
      const { kind } = decideHandshake(here, client, { sinceRetirementMs });
      if (kind === 'serve') return;
      const version = client?.version ?? '';
      if (kind === 'client_too_old') throw tooOld(version, { projectDir, program });
      noteRetirement(settings, clock.nowMs());
      retire(`bd ${version} is newer`);
      throw decline(`bd ${version} is newer`);
    },
    hello(params) {
      const asked = readProtocol(params);
      const protocol = overlap(PROTOCOL, asked);
      if (protocol === undefined) throw otherProtocol(asked);
      return {
        protocol,
        instance,
        version: VERSION,
        build: program.build,
        schema: SCHEMA_VERSION,
        pid: process.pid,
        workspace: projectDir,
        state: reason === undefined ? 'serving' : 'retiring',
        capabilities: CAPABILITIES,
      };
    },
    retire,
    decline,
  };
}

/** A store that cannot be written, as on a full disk, keeps no newer bd from its daemon. */
function noteRetirement(settings: Settings, nowMs: number): void {
  try {
    settings.set(RETIRED, String(nowMs));
  } catch {
    // The next daemon does not know of it, and may retire sooner than need be.
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
