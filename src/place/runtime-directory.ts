import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BdError, messageOf } from '../core/errors.ts';
import { SOCKET_PATH_BYTES_MAX } from '../core/limits.ts';
import type { Environment } from '../platform/environment.ts';
import { isPrivateDirectory, judgeDirectory, userId } from '../platform/owner.ts';
import { lstatIfReachable } from '../platform/safe-stat.ts';
import { isDaemonSocket, workspaceKey } from './socket-link.ts';
import type { WorkspacePlace } from './workspace-place.ts';

/** As on /tmp: only a file's owner may rename or delete it. */
const STICKY = 0o1000;

/**
 * A fresh socket path in the first private runtime directory. The directory keeps others out: not every
 * system respects the permissions of a socket, all respect those of its directory.
 */
export function chooseSocketPath(place: WorkspacePlace, { env }: { env: Environment }): string {
  const name = `${workspaceKey(place)}-${randomBytes(4).toString('hex')}.sock`;
  const wished = env['BEADS_SOCKET_PATH'];
  if (wished !== undefined && wished !== '') return wishedSocketPath(wished, name);
  const refusals: string[] = [];
  for (const directory of runtimeDirectories(env)) {
    const path = join(directory, name);
    const isTooLong = Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX;
    const refusal = isTooLong ? `${directory} is too long` : prepare(directory);
    if (refusal === undefined) return path;
    refusals.push(refusal);
  }
  throw new BdError('SOCKET_UNAVAILABLE', {
    message: `there is no directory for the daemon's socket: ${refusals.join('; ')}`,
    remedy:
      'Set XDG_RUNTIME_DIR to a short path of yours, or work without a daemon: BEADS_NO_DAEMON=1.',
  });
}

/**
 * In the directory of BEADS_SOCKET_PATH, under a name of the workspace and the instance, as two workspaces
 * may have the same setting. The directory's mode is left alone: it may hold other files.
 */
function wishedSocketPath(wished: string, name: string): string {
  const directory = dirname(wished);
  const path = join(directory, name);
  const refusal = !wished.startsWith('/')
    ? 'it is not an absolute path'
    : Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX
      ? `${path} would be longer than ${SOCKET_PATH_BYTES_MAX} bytes`
      : prepareWished(directory);
  if (refusal === undefined) return path;
  throw new BdError('INVALID_VALUE', {
    message: `BEADS_SOCKET_PATH is "${wished}": ${refusal}`,
    remedy: 'Name a path in a directory that is yours alone (mode 0700), or unset it.',
  });
}

function prepareWished(directory: string): string | undefined {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    return messageOf(error);
  }
  if (!isPrivateDirectory(directory)) return `${directory} is open to other users`;
  return refuseParent(dirname(directory));
}

/**
 * The daemons' sockets in this environment's runtime directory, those of dead daemons too. Other
 * environments of this user have directories and daemons of their own.
 */
export function listDaemonSockets(env: Environment): string[] {
  const directory = runtimeDirectories(env).find(isPrivateDirectory);
  if (directory === undefined) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isSocket() && isDaemonSocket(entry.name))
    .map(({ name }) => join(directory, name));
}

const REASONS = {
  open: 'is open to other users',
  'of others': 'belongs to another user, and is not used',
  'no directory': 'is not a directory, and is not used',
} as const;

/**
 * Directories that a daemon refuses as they are, up to the first that it can use. Changes nothing. `reason` ends a
 * sentence about the directory.
 */
export function findRefusedDirectories(env: Environment) {
  const refused: { directory: string; reason: string; isOurs: boolean }[] = [];
  for (const directory of runtimeDirectories(env)) {
    const parent = dirname(directory);
    if (lstatIfReachable(parent) === undefined) continue;
    const why = refuseParent(parent);
    if (why !== undefined) {
      const isOurs = lstatIfReachable(parent)?.uid === userId();
      refused.push({ directory: parent, reason: `is not used: ${why}`, isOurs });
      continue;
    }
    const found = judgeDirectory(directory);
    // A daemon uses it, or makes it.
    if (found === 'missing' || found === 'private') break;
    refused.push({ directory, reason: REASONS[found], isOurs: found === 'open' });
  }
  return refused;
}

/** Never TMPDIR: it differs between the shells, sandboxes and services of one user. */
function runtimeDirectories(env: Environment): string[] {
  const uid = userId();
  const xdg = env['XDG_RUNTIME_DIR'];
  return [
    ...(xdg?.startsWith('/') ? [join(xdg, 'bd')] : []),
    `/run/user/${uid}/bd`,
    `/tmp/bd-${uid}`,
  ];
}

/** Makes the directory. Returns why it cannot be used; undefined when it can. */
function prepare(directory: string): string | undefined {
  try {
    const refusal = refuseParent(dirname(directory));
    if (refusal !== undefined) return refusal;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // Made by an older bd or by hand: ours, but with another mode.
    if (['private', 'open'].includes(judgeDirectory(directory))) chmodSync(directory, 0o700);
    return isPrivateDirectory(directory) ? undefined : `${directory} belongs to another user`;
  } catch (error) {
    return messageOf(error);
  }
}

/** Anyone who may rename files in the parent could replace our directory. */
function refuseParent(parent: string): string | undefined {
  const status = statSync(parent, { throwIfNoEntry: false });
  if (status === undefined) return `${parent} is missing`;
  if (status.uid !== 0 && status.uid !== userId()) return `${parent} belongs to another user`;
  const isOpen = (status.mode & 0o002) !== 0 && (status.mode & STICKY) === 0;
  return isOpen ? `${parent} is writable by everyone` : undefined;
}
