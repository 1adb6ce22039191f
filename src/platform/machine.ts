import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** What tells this machine from others: the id that systemd and D-Bus keep, else its name. */
export function readMachine(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim() || hostname();
  } catch {
    return hostname();
  }
}
