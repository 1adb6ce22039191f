import { accessSync, constants } from 'node:fs';
import { messageOf, toBdError } from '../../core/errors.ts';
import { findings, ok, problem, type Finding, type Verdict } from '../../core/finding.ts';
import type { SyncStatus } from '../../core/sharing.ts';
import { editCommand, shellWord } from '../../core/shell-word.ts';
import { isBareRepository } from '../../git/repository.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import type { Environment } from '../../platform/environment.ts';
import { freeSpace, isNetworkFileSystem } from '../../platform/file-system.ts';
import { foreignOwner, userId } from '../../platform/owner.ts';
import { openConfig, type Config } from '../config/config.ts';
import { readMetadata, refuseLinkedFiles } from '../config/metadata.ts';
import { checkGit } from './git.ts';
import {
  checkKeptAside,
  checkMirror,
  checkSharing,
  checkStore,
  lookAtWorkspaceStore,
  rememberedStanding,
} from './issues.ts';

/**
 * Examines a workspace while others work with it. Writes nothing, takes no lock, and never opens
 * `daemon.lock`: in the process that holds that lock, opening it would release it.
 */
export async function checkWorkspace(
  place: WorkspacePlace,
  {
    env,
    nowMs,
    sync,
  }: {
    env: Environment;
    nowMs: number;
    /** How sharing goes, when a daemon answers. */
    sync: SyncStatus | undefined;
  },
): Promise<Finding[]> {
  const files = {
    Files: checkNames(place),
    Permissions: checkAccess(place),
    Disk: checkDisk(place),
  };
  // Never read what a link leads to.
  if (files.Files.status === 'error') return findings('Workspace', files);
  const { config, verdict } = await checkSettings(place, env);
  const look = lookAtWorkspaceStore(place);
  return [
    ...findings('Workspace', { ...files, Settings: verdict }),
    ...findings('Issues', {
      Store: checkStore(look),
      Mirror: attempt(() => checkMirror(place, nowMs)),
      'Kept aside': attempt(() => checkKeptAside(place)),
      Sharing: checkSharing(sync ?? rememberedStanding(look, { config, nowMs })),
    }),
    ...findings('Git', await checkRepository(place, { config, env })),
  ];
}

/** Whether the repository brought links that lead out of `.beads`. */
function checkNames(place: WorkspacePlace): Verdict {
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
function checkAccess({ beadsDir }: WorkspacePlace): Verdict {
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

function checkDisk({ beadsDir, projectDir }: WorkspacePlace): Verdict {
  const free = freeSpace(beadsDir);
  if (free === undefined) return ok('its size is not known');
  if (!free.isLow) return ok('there is room');
  return problem('warning', `only ${free.megabytes} MB are free`, {
    detail: 'Make space: what cannot be written is refused, and nothing acknowledged is lost.',
    fix: `df -h ${shellWord(projectDir)}`,
  });
}

async function checkSettings(
  place: WorkspacePlace,
  env: Environment,
): Promise<{ config: Config | undefined; verdict: Verdict }> {
  try {
    return { config: await openConfig(place, env), verdict: ok('they can be read') };
  } catch (error) {
    const { message, remedy } = toBdError(error);
    const fix = fixFor(message, place.configFile);
    return { config: undefined, verdict: problem('error', message, { detail: remedy, fix }) };
  }
}

/** A wrong value can be unset; a file that is no list of settings has to be edited. */
function fixFor(message: string, path: string): string {
  const [, key, source = ''] = /^(\S+) is ".*" \(from (.*)\)$/s.exec(message) ?? [];
  if (key === undefined) return editCommand(path);
  return /^[A-Z_]+$/.test(source) ? `unset ${source}` : `bd config unset ${shellWord(key)}`;
}

/** A file that cannot be read is a finding like any other. */
function attempt(check: () => Verdict): Verdict {
  try {
    return check();
  } catch (error) {
    return problem('error', `it cannot be looked at: ${messageOf(error)}`);
  }
}

async function checkRepository(
  { projectDir, repository }: WorkspacePlace,
  around: { config: Config | undefined; env: Environment },
): Promise<Record<string, Verdict>> {
  if (isBareRepository(projectDir)) {
    const message = `${projectDir} looks like a bare repository, whose settings could run programs`;
    const detail = 'bd does not use it: such files can come with a clone.';
    return { Repository: problem('warning', message, { detail }) };
  }
  if (repository === undefined) return { Repository: ok('none; the issues stay in these files') };
  return { Repository: ok(repository.topLevel), ...(await checkGit(repository, around)) };
}
