import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject, TestWorkspace } from './test-workspace.ts';

/** The processes of this machine that serve this workspace; Linux only. */
export function daemonsOf({ beadsDir }: Pick<TestProject, 'beadsDir'>): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && servesHere(name, beadsDir))
    .map(Number);
}

/** Which one `.beads/daemon.pid` names; throws when it names none. */
export function daemonPidOf(project: Pick<TestProject, 'daemonPid'>): number {
  const pid = project.daemonPid();
  if (pid === undefined) throw new Error('no daemon.pid');
  return pid;
}

/** Killed before this, a daemon may leave the registry locked, and the next one waits for 5 s. */
export function hasRegistered({ home }: Pick<TestWorkspace, 'home'>, pid: number): boolean {
  const registry = readFileSync(join(home, '.beads/registry.json'), 'utf8');
  return registry.includes(`"pid": ${pid},`) && !existsSync(join(home, '.beads/registry.lock'));
}

/** A process that ended, and waits for its parent to take note of that, is not alive. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function servesHere(pid: string, beadsDir: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.some((word) => word.endsWith('bd-daemon.js')) && words.includes(beadsDir);
  } catch {
    return false;
  }
}
