import { hostname, userInfo } from 'node:os';
import { readTextIfReachable } from './safe-stat.ts';

/** A process environment as an argument; only entry points read the real one. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The user of this process, from the system: containers often set no `USER`. */
export function loginName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the system's list has no name.
    return undefined;
  }
}

/** Identifies this machine: the id that systemd and D-Bus keep, or its host name. */
export function readMachine(): string {
  return readTextIfReachable('/etc/machine-id')?.trim() || hostname();
}
