import { mkdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { REGISTRY_WAIT_MS } from '../core/limits.ts';
import { enterCriticalSection } from '../platform/critical-section.ts';
import type { Environment } from '../platform/environment.ts';
import { writeFileAtomically } from '../platform/files.ts';

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

/** Undefined when written, else the reason why not: a registry that cannot be written stops nothing. */
export type RegistryFailure = string | undefined;

/** `~/.beads/registry.json`: a hint for people and dashboards, from which nothing is decided. */
export function registryPath(env: Environment): string | undefined {
  const home = env['HOME'] ?? env['USERPROFILE'];
  return home === undefined ? undefined : join(home, '.beads', 'registry.json');
}

/** What cannot be read counts as empty, and the next daemon writes it anew. */
export async function readRegistry(path: string | undefined): Promise<RegistryEntry[]> {
  if (path === undefined) return [];
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return Array.isArray(value) ? value.filter(isEntry) : [];
  } catch {
    return [];
  }
}

/** Takes the place of the workspace's former entry; entries of workspaces that are gone go with it. */
export async function register(
  path: string | undefined,
  entry: RegistryEntry,
): Promise<RegistryFailure> {
  return await edit(path, (entries) => [
    ...entries.filter(
      ({ socket_path: link }) => link !== entry.socket_path && existsSync(dirname(link)),
    ),
    entry,
  ]);
}

/** Leaves the entry of a successor alone. */
export async function unregister(
  path: string | undefined,
  { socket_path: link, pid }: RegistryEntry,
): Promise<RegistryFailure> {
  return await edit(path, (entries) =>
    entries.filter((entry) => entry.socket_path !== link || entry.pid !== pid),
  );
}

/** The workspace itself is gone, and no daemon of it is alive. */
export async function forget(path: string | undefined, socketLink: string): Promise<void> {
  const entries = await readRegistry(path);
  if (!entries.some(({ socket_path: link }) => link === socketLink)) return;
  await edit(path, (all) => all.filter(({ socket_path: link }) => link !== socketLink));
}

async function edit(
  path: string | undefined,
  change: (entries: RegistryEntry[]) => RegistryEntry[],
): Promise<RegistryFailure> {
  if (path === undefined) return 'there is no home directory';
  try {
    await mkdir(dirname(path), { recursive: true });
    const section = await enterCriticalSection(join(dirname(path), 'registry.lock'), {
      waitMs: REGISTRY_WAIT_MS,
    });
    try {
      const entries = change(await readRegistry(path));
      await writeFileAtomically(path, `${JSON.stringify(entries, null, 2)}\n`);
      return undefined;
    } finally {
      if (section.kind === 'entered') await section.leave();
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isEntry(value: unknown): value is RegistryEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { workspace_path, socket_path, database_path, pid, version, started_at } = value as Record<
    string,
    unknown
  >;
  return (
    typeof pid === 'number' &&
    [workspace_path, socket_path, database_path, version, started_at].every(
      (member) => typeof member === 'string',
    )
  );
}
