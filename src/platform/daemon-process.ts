import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { KILL_WAIT_MS, TERMINATE_WAIT_MS } from '../core/limits.ts';
import { userId } from './owner.ts';

/** A running process that is proven to be this user's daemon, by what the kernel says of it. */
export interface DaemonProcess {
  pid: number;
  /** The workspace that it was started for. */
  beadsDir: string;
  startedMs: number;
}

const PROGRAM = 'bd-daemon.js';

/** Linux counts a process's start in these, for every program (USER_HZ). */
const TICKS_PER_SECOND = 100;

const PAUSE_MS = 20;

/**
 * Undefined unless the process runs as this user and its command line is the daemon's. Only Linux tells
 * (proc(5)); elsewhere nothing is proven, and nothing is signalled.
 */
function readDaemonProcess(pid: number): DaemonProcess | undefined {
  const place = `/proc/${pid}`;
  try {
    if (statSync(place).uid !== userId()) return undefined;
    const [, program = '', beadsDir = ''] = readFileSync(`${place}/cmdline`, 'utf8').split('\0');
    if (basename(program) !== PROGRAM || !beadsDir.startsWith('/')) return undefined;
    return { pid, beadsDir, startedMs: readStartMs(place) };
  } catch {
    // Gone, another user's, or a system without /proc.
    return undefined;
  }
}

/** All of this user's daemons, whether they answer or not. */
export function listDaemonProcesses(): DaemonProcess[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => readDaemonProcess(Number(name)) ?? []);
  } catch {
    return [];
  }
}

/**
 * Asks the process to end, and ends it when it does not; looks each time whether it is still the one that
 * was proven, as numbers are given again. False when it lives on.
 */
export async function endDaemonProcess(proven: DaemonProcess): Promise<boolean> {
  signal(proven, 'SIGTERM');
  // A stopped process hears nothing until it goes on; then it ends in order.
  signal(proven, 'SIGCONT');
  if (await hasEnded(proven, TERMINATE_WAIT_MS)) return true;
  signal(proven, 'SIGKILL');
  return await hasEnded(proven, KILL_WAIT_MS);
}

function signal(proven: DaemonProcess, name: NodeJS.Signals): void {
  if (!isStill(proven)) return;
  try {
    process.kill(proven.pid, name);
  } catch {
    // It ended this moment.
  }
}

/** Waits for at most `waitMs`. */
export async function hasEnded(proven: DaemonProcess, waitMs: number): Promise<boolean> {
  const endMs = performance.now() + waitMs;
  while (isStill(proven)) {
    if (performance.now() >= endMs) return false;
    await pause(PAUSE_MS);
  }
  return true;
}

function isStill({ pid, beadsDir, startedMs }: DaemonProcess): boolean {
  const now = readDaemonProcess(pid);
  return now?.beadsDir === beadsDir && now.startedMs === startedMs;
}

function readStartMs(place: string): number {
  const stat = readFileSync(`${place}/stat`, 'utf8');
  // The name before it, in parentheses, can hold anything; field 22 of all is the 20th behind it.
  const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  const bootS = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]);
  return bootS * 1000 + (ticks * 1000) / TICKS_PER_SECOND;
}
