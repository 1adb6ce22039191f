import { accessSync, constants } from 'node:fs';
import { toBdError } from '../../core/errors.ts';
import { ok, problem, type Verdict } from '../../core/finding.ts';
import { shellWord } from '../../core/shell-word.ts';
import { freeSpace, isNetworkFileSystem } from '../../platform/file-system.ts';
import { foreignOwner, userId } from '../../platform/owner.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import { readMetadata, refuseLinkedFiles } from '../config/metadata.ts';

/** Whether the repository brought links that lead out of `.beads`. */
export function checkNames(place: WorkspacePlace): Verdict {
  try {
    place.refuseLinks();
    refuseLinkedFiles(place, readMetadata(place));
    return ok(place.beadsDir);
  } catch (error) {
    const { message, remedy, details } = toBdError(error);
    const { path } = details;
    const fix = typeof path === 'string' ? `rm ${shellWord(path)}` : undefined;
    return problem('error', message, { detail: remedy, fix });
  }
}

/** Whether bd can work in `.beads`. */
export function checkAccess({ beadsDir }: WorkspacePlace): Verdict {
  const directory = shellWord(beadsDir);
  const owner = foreignOwner(beadsDir);
  if (owner !== undefined) {
    return problem('warning', `${beadsDir} belongs to user ${owner}, and you are ${userId()}`, {
      detail: 'bd starts no daemon for another user’s files.',
      fix: `sudo chown -R ${userId()} ${directory}`,
    });
  }
  try {
    accessSync(beadsDir, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok(isNetworkFileSystem(beadsDir) ? 'yours, on a network file system' : 'yours');
  } catch {
    return problem('error', `${beadsDir} cannot be written`, { fix: `chmod u+rwx ${directory}` });
  }
}

export function checkDisk({ beadsDir, projectDir }: WorkspacePlace): Verdict {
  const free = freeSpace(beadsDir);
  if (free === undefined) return ok('its size is not known');
  if (!free.isLow) return ok('there is room');
  return problem('warning', `only ${free.megabytes} MB are free`, {
    detail: 'Make space: what cannot be written is refused, and nothing acknowledged is lost.',
    fix: `df -h ${shellWord(projectDir)}`,
  });
}
