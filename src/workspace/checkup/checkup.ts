import { messageOf } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import type { SyncMode, SyncStatus } from '../../core/sharing.ts';
import type { Environment } from '../../platform/environment.ts';
import { isBareRepository } from '../../git/repository.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import { openConfig, type Config } from '../config/config.ts';
import { checkFiles } from './files.ts';
import { checkGit } from './git.ts';
import { checkKeptAside, checkMirror } from './mirror.ts';
import { checkSettings } from './settings.ts';
import { checkSharing, rememberedStanding } from './sharing.ts';
import { checkStore, lookAtWorkspaceStore } from './store.ts';

/**
 * Looks at a workspace beside whoever works with it. Writes nothing, takes no lock, and opens
 * `daemon.lock` in no case: in the process that holds it, that would let go of it.
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
    /** How sharing stands, where a daemon tells. */
    sync: SyncStatus | undefined;
  },
): Promise<Finding[]> {
  const files = checkFiles(place);
  // What is behind a link is not looked at.
  if (files.some(({ status, name }) => status === 'error' && name === 'Files')) return files;
  let problem: unknown;
  const config = await openConfig(place, { env }).catch((error: unknown) => {
    problem = error;
    return undefined;
  });
  const look = lookAtWorkspaceStore(place);
  const standing = sync ?? rememberedStanding(look, { ...modeOf(config), nowMs });
  return [
    ...files,
    checkSettings(place.configFile, { config, problem }),
    checkStore(look),
    attempt('Mirror', () => checkMirror(place, nowMs)),
    attempt('Kept aside', () => checkKeptAside(place)),
    checkSharing(standing),
    ...(await checkRepository(place, { config, env })),
  ];
}

/** What may not even be looked at is a finding like any other. */
function attempt(name: string, check: () => Finding): Finding {
  try {
    return check();
  } catch (error) {
    const message = `it cannot be looked at: ${messageOf(error)}`;
    return { category: 'Issues', name, status: 'error', message };
  }
}

function modeOf(config: Config | undefined): { mode: SyncMode; pushes: boolean } {
  if (config === undefined) return { mode: 'branch', pushes: true };
  return { mode: config.text('sync.mode') as SyncMode, pushes: config.truth('sync.push') };
}

async function checkRepository(
  place: WorkspacePlace,
  { config, env }: { config: Config | undefined; env: Environment },
): Promise<Finding[]> {
  const base = { category: 'Git', name: 'Repository' } as const;
  const { projectDir, repository } = place;
  if (isBareRepository(projectDir)) {
    const message = `${projectDir} looks like a bare repository, whose settings could run programs`;
    const detail = 'bd does not use it: such files can come with a clone.';
    return [{ ...base, status: 'warning', message, detail }];
  }
  if (repository === undefined) {
    return [{ ...base, status: 'ok', message: 'none; the issues stay in these files' }];
  }
  return [
    { ...base, status: 'ok', message: repository.topLevel },
    ...(await checkGit({ repository, config, env })),
  ];
}
