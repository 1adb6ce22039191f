import { statSync } from 'node:fs';
import { randomInt } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { readMachine } from '../platform/machine.ts';
import { readSetting, type Settings } from './settings.ts';

/** Under which name this clone's database writes; no two databases may share one. */
export interface Replica {
  id(): string;
  /** Takes a name that nobody has: for when another copy of the database wrote under ours. */
  renew(): string;
}

const KEY = 'replica';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const LENGTH = 6;

/**
 * A database that was copied, restored or moved gets a new name: its file, its path or its machine is
 * another one than when the name was given. A copy that nothing tells apart is found out when it
 * meets the other's writes.
 */
export function openReplica(
  settings: Settings,
  { path, machine }: { path: string; machine: string },
): Replica {
  const place = placeOf(path, machine);
  const renew = (): string => {
    const id = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
    settings.set(KEY, JSON.stringify({ id, place }));
    return id;
  };
  const known = JSON.parse(settings.get(KEY) ?? '{}') as { id?: string; place?: string };
  let current = known.id !== undefined && known.place === place ? known.id : renew();
  return {
    id: () => current,
    renew: () => (current = renew()),
  };
}

/** Whether the database was copied, restored or moved to where it is; asked before its settings are. */
export function isElsewhere(database: Database, path: string): boolean {
  const { place } = JSON.parse(readSetting(database, KEY) ?? '{}') as { place?: string };
  return place !== undefined && place !== placeOf(path, readMachine());
}

function placeOf(path: string, machine: string): string {
  const { dev, ino } = statSync(path);
  return `${machine} ${dev} ${ino} ${path}`;
}
