import { hostname } from 'node:os';
import { readTextIfReachable } from './within-reach.ts';

/** What tells this machine from others: the id that systemd and D-Bus keep, else its name. */
export function readMachine(): string {
  return readTextIfReachable('/etc/machine-id')?.trim() || hostname();
}
