import { hostname } from 'node:os';
import { readTextIfReachable } from './safe-stat.ts';

/** What tells this machine from others: the id that systemd and D-Bus keep, else its name. */
export function readMachine(): string {
  return readTextIfReachable('/etc/machine-id')?.trim() || hostname();
}
