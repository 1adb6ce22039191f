import { readdirSync } from 'node:fs';
import type { Workspace } from '../workspace.ts';

/** Files of lines that could not be read: there until somebody has looked at them. */
export function filesKeptAside({ place: { quarantineDirectory } }: Workspace): string[] {
  try {
    return readdirSync(quarantineDirectory).sort();
  } catch {
    // Made with the first unreadable line.
    return [];
  }
}
