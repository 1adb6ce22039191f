import { mkdir, readFile, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { messageOf } from '../core/errors.ts';
import {
  REGISTRY_BYTES_MAX,
  REGISTRY_ENTRIES_MAX,
  REGISTRY_LEAVE_WAIT_MS,
  REGISTRY_WAIT_MS,
} from '../core/limits.ts';
import { enterCriticalSection } from '../platform/critical-section.ts';
import type { Environment } from '../platform/environment.ts';
import { isNotFound, writeFileAtomically } from '../platform/files.ts';

/** One daemon, in the classic form that dashboards read. */
export interface RegistryEntry {
  workspace_path: string;
  socket_path: string;
  database_path: string;
  pid: number;
  version: string;
  /** RFC 3339. */
  started_at: string;
}

/** `~/.beads/registry.json`: a hint for people and dashboards; no decision depends on it. */
export function registryPath(env: Environment): string | undefined {
  const home = env['HOME'] ?? env['USERPROFILE'];
  return home === undefined ? undefined : join(home, '.beads', 'registry.json');
}

/**
 * Any program may have written the file: ignores invalid entries, and treats an invalid file as empty.
 * `problem` says why some or all of it is ignored; the next daemon that starts or ends rewrites it.
 */
export async function inspectRegistry(
  path: string | undefined,
): Promise<{ entries: RegistryEntry[]; problem?: string }> {
  if (path === undefined) return { entries: [] };
  try {
    const file = await stat(path);
    if (!file.isFile()) return { entries: [], problem: 'it is not a file' };
    if (file.size > REGISTRY_BYTES_MAX)
      return { entries: [], problem: `it is too long, with ${file.size} bytes` };
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (!Array.isArray(value)) return { entries: [], problem: 'it is not a list' };
    const entries = value.filter(isEntry).slice(0, REGISTRY_ENTRIES_MAX);
    const left = value.length - entries.length;
    return left === 0 ? { entries } : { entries, problem: `${left} entries cannot be used` };
  } catch (error) {
    if (isNotFound(error)) return { entries: [] };
    return { entries: [], problem: messageOf(error) };
  }
}

export async function readRegistry(path: string | undefined): Promise<RegistryEntry[]> {
  return (await inspectRegistry(path)).entries;
}

/**
 * Replaces the workspace's entry, and removes those of workspaces that are gone. Returns why the registry
 * could not be written, which stops nothing. The signal ends the wait for another process.
 */
export function register(
  path: string | undefined,
  entry: RegistryEntry,
  { signal }: { signal?: AbortSignal } = {},
) {
  const isKept = ({ socket_path: link }: RegistryEntry): boolean =>
    link !== entry.socket_path && existsSync(dirname(link));
  const replace = (entries: RegistryEntry[]) => [...entries.filter(isKept), entry];
  return edit(path, replace, { waitMs: REGISTRY_WAIT_MS, signal });
}

/** Removes the entry of a daemon that ends, unless it is another daemon's by now. Returns the same. */
export function unregister(path: string | undefined, { socket_path: link, pid }: RegistryEntry) {
  return remove(path, (entry) => entry.socket_path === link && entry.pid === pid);
}

/** For a workspace that is gone, with its daemon. */
export async function forget(path: string | undefined, socketLink: string): Promise<void> {
  const entries = await readRegistry(path);
  if (!entries.some(({ socket_path: link }) => link === socketLink)) return;
  await remove(path, ({ socket_path: link }) => link === socketLink);
}

function remove(path: string | undefined, isRemoved: (entry: RegistryEntry) => boolean) {
  const change = (entries: RegistryEntry[]) => entries.filter((entry) => !isRemoved(entry));
  return edit(path, change, { waitMs: REGISTRY_LEAVE_WAIT_MS });
}

async function edit(
  path: string | undefined,
  change: (entries: RegistryEntry[]) => RegistryEntry[],
  wait: { waitMs: number; signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  if (path === undefined) return 'there is no home directory';
  try {
    await mkdir(dirname(path), { recursive: true });
    const lock = join(dirname(path), 'registry.lock');
    const section = await enterCriticalSection(lock, wait);
    // Writing without the lock would lose the other process's change, or ours.
    if (section.kind === 'taken') return `another process holds ${lock}`;
    try {
      const entries = change(await readRegistry(path));
      await writeFileAtomically(path, `${JSON.stringify(entries, null, 2)}\n`);
      return undefined;
    } finally {
      if (section.kind === 'entered') await section.leave();
    }
  } catch (error) {
    return messageOf(error);
  }
}

function isEntry(value: unknown): value is RegistryEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, socket_path: link, ...texts } = value as Record<string, unknown>;
  const names = ['workspace_path', 'database_path', 'version', 'started_at'];
  return (
    Number.isSafeInteger(pid) &&
    Number(pid) > 0 &&
    names.every((name) => isShort(texts[name])) &&
    isShort(link) &&
    isAbsolute(link)
  );
}

/** Longer texts are no path or time. */
function isShort(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 4096 && !value.includes('\0');
}
