import { hostname } from 'node:os';
import { readTextIfReachable } from './safe-stat.ts';

/** Identifies this machine: the id that systemd and D-Bus keep, or its host name. */
export function readMachine(): string {
  return readTextIfReachable('/etc/machine-id')?.trim() || hostname();
}
