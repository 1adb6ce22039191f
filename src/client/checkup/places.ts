import { lstatSync } from 'node:fs';
import type { Finding } from '../../core/finding.ts';
import { shellWord } from '../../core/shell-word.ts';
import type { Environment } from '../../platform/environment.ts';
import { findRefusedDirectories } from '../../place/runtime-directory.ts';
import { resolveSocket } from '../../place/socket-link.ts';
import { socketLinkPath } from '../../place/workspace-files.ts';
import { inspectRegistry, registryPath } from '../registry.ts';

/** The link to the socket: a repository can bring along one that leads elsewhere. */
export function checkSocketLink(beadsDir: string): Finding {
  const base = { category: 'Daemon', name: 'Socket' } as const;
  const path = socketLinkPath(beadsDir);
  const found = lstatSync(path, { throwIfNoEntry: false });
  const fix = `${found?.isDirectory() === true ? 'rm -r' : 'rm'} ${shellWord(path)}`;
  if (found?.isSocket() === true) {
    const message = `${path} is no link, and is not used: bd did not make it`;
    return { ...base, status: 'warning', message, fix };
  }
  const resolved = resolveSocket(path);
  switch (resolved.kind) {
    case 'socket':
      return { ...base, status: 'ok', message: resolved.path };
    case 'absent':
      return { ...base, status: 'ok', message: 'none; a daemon makes it when it starts' };
    case 'untrusted': {
      const message = `${path} ${resolved.problem}, and is not used`;
      return { ...base, status: 'warning', message, fix };
    }
    default:
      return resolved satisfies never;
  }
}

/** Where sockets are put: a directory that others can enter is not taken. */
export function checkRuntimeDirectory(env: Environment): Finding {
  const base = { category: 'Daemon', name: 'Runtime directory' } as const;
  const [refused] = findRefusedDirectories(env);
  if (refused === undefined) return { ...base, status: 'ok', message: 'yours alone' };
  const { directory, reason, isOurs } = refused;
  const fix = isOurs ? { fix: `chmod 700 ${shellWord(directory)}` } : {};
  return { ...base, status: 'warning', message: `${directory} ${reason}`, ...fix };
}

/** The list of daemons, which decides nothing. */
export async function checkRegistry(env: Environment): Promise<Finding> {
  const base = { category: 'Daemon', name: 'Registry' } as const;
  const path = registryPath(env);
  const { problem } = await inspectRegistry(path);
  if (problem === undefined) return { ...base, status: 'ok', message: 'it can be read' };
  return {
    ...base,
    status: 'warning',
    message: `${path} cannot be used: ${problem}`,
    detail: 'Daemons work without it, and write it anew.',
    fix: `rm -r ${shellWord(path ?? '')}`,
  };
}
