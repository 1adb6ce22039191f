import { accessSync, constants } from 'node:fs';
import { toBdError } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import { shellWord } from '../../core/shell-word.ts';
import { freeSpace, isNetworkFileSystem } from '../../platform/file-system.ts';
import { foreignOwner, userId } from '../../platform/owner.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import { readMetadata, refuseLinkedFiles } from '../config/metadata.ts';

/** Whether bd can work in `.beads`, and whether the repository brought links that lead out of it. */
export function checkFiles(place: WorkspacePlace): Finding[] {
  return [checkNames(place), checkAccess(place), checkDisk(place)];
}

function checkNames(place: WorkspacePlace): Finding {
  const { beadsDir } = place;
  const base = { category: 'Workspace', name: 'Files' } as const;
  try {
    place.refuseLinks();
    refuseLinkedFiles(place, readMetadata(place));
    return { ...base, status: 'ok', message: beadsDir };
  } catch (error) {
    const { message, remedy, details } = toBdError(error);
    const { path } = details;
    const fix = typeof path === 'string' ? { fix: `rm ${shellWord(path)}` } : {};
    return { ...base, status: 'error', message, detail: remedy, ...fix };
  }
}

function checkAccess({ beadsDir }: WorkspacePlace): Finding {
  const base = { category: 'Workspace', name: 'Permissions' } as const;
  const directory = shellWord(beadsDir);
  const owner = foreignOwner(beadsDir);
  if (owner !== undefined) {
    return {
      ...base,
      status: 'warning',
      message: `${beadsDir} belongs to user ${owner}, and you are ${userId()}`,
      detail: 'bd starts no daemon for another user’s files.',
      fix: `sudo chown -R ${userId()} ${directory}`,
    };
  }
  try {
    accessSync(beadsDir, constants.R_OK | constants.W_OK | constants.X_OK);
    const where = isNetworkFileSystem(beadsDir) ? 'yours, on a network file system' : 'yours';
    return { ...base, status: 'ok', message: where };
  } catch {
    const message = `${beadsDir} cannot be written`;
    return { ...base, status: 'error', message, fix: `chmod u+rwx ${directory}` };
  }
}

function checkDisk({ beadsDir, projectDir }: WorkspacePlace): Finding {
  const base = { category: 'Workspace', name: 'Disk' } as const;
  const free = freeSpace(beadsDir);
  if (free === undefined) return { ...base, status: 'ok', message: 'its size is not known' };
  if (!free.isLow) return { ...base, status: 'ok', message: 'there is room' };
  return {
    ...base,
    status: 'warning',
    message: `only ${free.megabytes} MB are free`,
    detail: 'Make space: what cannot be written is refused, and nothing acknowledged is lost.',
    fix: `df -h ${shellWord(projectDir)}`,
  };
}
