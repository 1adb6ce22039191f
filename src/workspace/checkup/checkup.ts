import { messageOf, toBdError } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import type { SyncMode, SyncStatus } from '../../core/sharing.ts';
import { editCommand, shellWord } from '../../core/shell-word.ts';
import { isBareRepository } from '../../git/repository.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import type { Environment } from '../../platform/environment.ts';
import { openConfig, type Config } from '../config/config.ts';
import { checkFiles } from './files.ts';
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
  const files = checkFiles(place);
  // Never read what a link leads to.
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
    checkSettings(place, { config, problem }),
    checkStore(look),
    attempt('Mirror', () => checkMirror(place, nowMs)),
    attempt('Kept aside', () => checkKeptAside(place)),
    checkSharing(standing),
    ...(await checkRepository(place, { config, env })),
  ];
}

function checkSettings(
  { configFile }: WorkspacePlace,
  { config, problem }: { config: Config | undefined; problem: unknown },
): Finding {
  const base = { category: 'Workspace', name: 'Settings' } as const;
  if (config !== undefined) return { ...base, status: 'ok', message: 'they can be read' };
  const { message, remedy } = toBdError(problem);
  return { ...base, status: 'error', message, detail: remedy, fix: fixFor(message, configFile) };
}

/** A wrong value can be unset; a file that is no list of settings has to be edited. */
function fixFor(message: string, path: string): string {
  const [, key, source = ''] = /^(\S+) is ".*" \(from (.*)\)$/s.exec(message) ?? [];
  if (key === undefined) return editCommand(path);
  return /^[A-Z_]+$/.test(source) ? `unset ${source}` : `bd config unset ${shellWord(key)}`;
}

/** A file that cannot be read is a finding like any other. */
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
  { projectDir, repository }: WorkspacePlace,
  { config, env }: { config: Config | undefined; env: Environment },
): Promise<Finding[]> {
  const base = { category: 'Git', name: 'Repository' } as const;
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
