import { readdirSync, readFileSync } from 'node:fs';
import type { TestProject } from './test-workspace.ts';

/** The processes of this machine that serve this workspace; Linux only. */
export function daemonsOf({ beadsDir }: Pick<TestProject, 'beadsDir'>): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && servesHere(name, beadsDir))
    .map(Number);
}

/** Ended, or waiting for its parent to take note of that, is not serving. */
function servesHere(pid: string, beadsDir: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.some((word) => word.endsWith('bd-daemon.js')) && words.includes(beadsDir);
  } catch {
    return false;
  }
}
