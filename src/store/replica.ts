import { readdirSync, statSync } from 'node:fs';
import { randomInt } from 'node:crypto';
import { dirname } from 'node:path';
import { readMachine } from '../platform/environment.ts';
import type { Database } from '../platform/sqlite.ts';
import { asideMs } from './open-files.ts';
import { readState, type State } from './state.ts';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const LENGTH = 6;

/**
 * The name under which this clone's database writes; no two databases may share one. A database that was
 * copied, restored or moved gets a new name: its file, path or machine differs from the recorded one. A copy
 * that none of these gives away is noticed when it meets the other's writes. With each new name the event log
 * gets a new generation, as readers of the former one may know another past.
 */
export function openReplica(
  state: State,
  {
    path,
    nowMs,
    formerGeneration,
  }: { path: string; nowMs: () => number; formerGeneration: number },
) {
  const place = placeOf(path);
  const renew = (): string => {
    const id = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
    // Higher than that of any earlier log known here, even if the clock went back.
    const asides = readdirSync(dirname(path)).map((name) => asideMs(name) ?? 0);
    const former = Math.max(formerGeneration, state.get('generation') ?? 0, ...asides);
    // In this order: if the process is killed in between, the next opening renews both.
    state.set('generation', Math.max(nowMs(), former + 1));
    state.set('replica', { id, place });
    return id;
  };
  const known = state.get('replica');
  let current = known !== undefined && known.place === place ? known.id : renew();
  return {
    id: (): string => current,
    /** Takes a new name, after another copy of this database wrote under ours. */
    renew: (): string => (current = renew()),
  };
}

export type Replica = ReturnType<typeof openReplica>;

/** Whether the database was copied, restored or moved to where it is. */
export function isElsewhere(database: Database, path: string): boolean {
  const place = readState(database, 'replica')?.place;
  return place !== undefined && place !== placeOf(path);
}

function placeOf(path: string): string {
  const { dev, ino } = statSync(path);
  return `${readMachine()} ${dev} ${ino} ${path}`;
}
