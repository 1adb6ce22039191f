import { existsSync } from 'node:fs';
import { messageOf } from '../core/errors.ts';
import { PROBE_TIMEOUT_MS } from '../core/limits.ts';
import { VERSION } from '../core/version.ts';
import { resolveSocket } from '../place/socket-link.ts';
import { WorkspacePlace } from '../place/workspace-place.ts';
import type { DaemonStatusResult } from '../protocol/daemon-methods.ts';
import { compareVersions } from '../protocol/handshake.ts';
import { connect, connectTo, type Connected, type ConnectOutcome } from './connect.ts';
import { ask } from './request.ts';
import type { RegistryEntry } from './registry.ts';

/** Everything that a client can find out about one daemon, or its remains. */
export interface DaemonHealth {
  /**
   * `healthy`: answers. `mismatched`: answers, and has another version. `unresponsive`: alive, no answer.
   * `orphan`: alive, but its workspace is gone or another daemon serves it. `stale`: registered, not
   * running. `absent`: not running.
   */
  state: 'healthy' | 'mismatched' | 'unresponsive' | 'orphan' | 'stale' | 'absent';
  /** Undefined for a socket that does not answer and matches no known workspace. */
  place: WorkspacePlace | undefined;
  /** Undefined when it does not listen. */
  socketPath?: string | undefined;
  pid?: number | undefined;
  /** What the registry says about the workspace's daemon. */
  registered?: RegistryEntry | undefined;
  answer?: DaemonStatusResult;
  /** What is wrong, or why it cannot run; undefined when nothing is. */
  issue?: string | undefined;
}

/** Checks the daemon that a workspace's link points to. Starts none; returns within the probe's timeout. */
export async function lookAtDaemon(place: WorkspacePlace): Promise<DaemonHealth> {
  const probe = await probeDaemon((timeoutMs) => connect(place, { timeoutMs }));
  switch (probe.kind) {
    case 'answered':
      return { place, socketPath: place.socketLink, ...describeAnswer(probe.status) };
    case 'unresponsive':
      return { state: 'unresponsive', place, pid: place.readPid(), issue: probe.reason };
    case 'forbidden':
      return { state: 'absent', place, issue: probe.reason };
    case 'absent':
      return { state: 'absent', place };
    default:
      return probe satisfies never;
  }
}

/** Checks the daemon at a socket, linked or not; undefined when nothing listens. */
export async function lookAtSocket(
  socketPath: string,
  known: Pick<DaemonHealth, 'place' | 'registered'>,
): Promise<DaemonHealth | undefined> {
  const probe = await probeDaemon((timeoutMs) => connectTo(socketPath, { timeoutMs }));
  if (probe.kind === 'absent') return undefined;
  const { registered, place } = known;
  if (probe.kind === 'answered') {
    const { status } = probe;
    const served = place ?? new WorkspacePlace(status.beads_dir);
    return orOrphan({ place: served, registered, socketPath, ...describeAnswer(status) });
  }
  const { reason: issue } = probe;
  return orOrphan({ state: 'unresponsive', place, registered, socketPath, issue });
}

/** Whether the workspace's link points to a daemon other than the one at `socketPath`. */
export function isServedByOther(place: WorkspacePlace, socketPath: string): boolean {
  const linked = resolveSocket(place);
  return linked.kind === 'socket' && linked.path !== socketPath;
}

/** The project directory; empty when it is not known. */
export function workspaceOf({ answer, registered, place }: DaemonHealth): string {
  return answer?.workspace ?? registered?.workspace_path ?? place?.projectDir ?? '';
}

/**
 * The command that fixes it; undefined when none is needed. `target` names one of the user's daemons; without
 * it the command is for the current directory.
 */
export function mendingCommand(
  { state, answer }: DaemonHealth,
  target?: string,
): string | undefined {
  switch (state) {
    case 'mismatched': {
      const version = answer?.version ?? '';
      // Restarting a newer daemon would replace it with an older one.
      if (isNewer(version)) return `npm install --global beads-daemon@${version}`;
      return target === undefined ? 'bd daemon restart' : `bd daemons restart ${target}`;
    }
    case 'unresponsive':
    case 'orphan':
      return target === undefined ? 'bd daemon stop --force' : `bd daemons stop --force ${target}`;
    case 'stale':
      // Listing them removes the entries of those that are gone.
      return 'bd daemons list';
    case 'healthy':
    case 'absent':
      return undefined;
    default:
      return state satisfies never;
  }
}

/** `forbidden`: a daemon may or may not run. */
type Probe = { kind: 'answered'; status: DaemonStatusResult } | Exclude<ConnectOutcome, Connected>;

async function probeDaemon(reach: (timeoutMs: number) => Promise<ConnectOutcome>): Promise<Probe> {
  const endMs = performance.now() + PROBE_TIMEOUT_MS;
  const connection = await reach(PROBE_TIMEOUT_MS);
  if (connection.kind !== 'connected') return connection;
  const timeoutMs = Math.max(Math.ceil(endMs - performance.now()), 1);
  try {
    const status = await ask(connection.socket, 'daemon_status', { timeoutMs });
    return { kind: 'answered', status };
  } catch (error) {
    return { kind: 'unresponsive', reason: messageOf(error) };
  }
}

function describeAnswer(answer: DaemonStatusResult): Omit<DaemonHealth, 'place'> {
  const { version, pid } = answer;
  if (version === VERSION) return { state: 'healthy', pid, answer };
  const issue = isNewer(version)
    ? `it runs version ${version}, and this bd is only ${VERSION}`
    : `it runs version ${version}, this is ${VERSION}`;
  return { state: 'mismatched', pid, answer, issue };
}

/** A daemon restores a missing link, so it is an orphan only if its workspace is gone or another's. */
export function orOrphan(health: DaemonHealth): DaemonHealth {
  const { place, socketPath } = health;
  if (place === undefined) return health;
  if (!existsSync(place.beadsDir)) {
    return { ...health, state: 'orphan', issue: 'its workspace is gone' };
  }
  if (socketPath === undefined || !isServedByOther(place, socketPath)) return health;
  return { ...health, state: 'orphan', issue: 'another daemon serves its workspace' };
}

function isNewer(version: string): boolean {
  return (compareVersions(version, VERSION) ?? 0) > 0;
}
