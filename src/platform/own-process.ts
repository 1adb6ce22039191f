import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { KILL_WAIT_MS, TERMINATE_WAIT_MS } from '../core/limits.ts';
import { userId } from './owner.ts';

/** A running process of this user, identified by what the kernel says about it. */
export interface OwnProcess {
  pid: number;
  /** The name of the script's file, and what follows it on the command line. */
  program: string;
  args: readonly string[];
  startedMs: number;
}

/** Linux counts a process's start in these, for every program (USER_HZ). */
const TICKS_PER_SECOND = 100;

const PAUSE_MS = 20;

/**
 * This user's processes whose interpreter runs a file of that name. Only on Linux, by proc(5): elsewhere the
 * list is empty, so nothing is proven and nothing gets a signal.
 */
export function listOwnProcesses(program: string): OwnProcess[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => readProcess(Number(name)) ?? [])
      .filter((each) => each.program === program);
  } catch {
    return [];
  }
}

/** Whether the number still belongs to that process: the system reuses numbers. */
function provesProcess({ pid, program, args, startedMs }: OwnProcess): boolean {
  const now = readProcess(pid);
  return (
    now !== undefined &&
    now.program === program &&
    now.startedMs === startedMs &&
    now.args.join('\0') === args.join('\0')
  );
}

/** Asks the process to end, then kills it. Proves it before each signal. False when it lives on. */
export async function endProcess(proven: OwnProcess): Promise<boolean> {
  signal(proven, 'SIGTERM');
  // A stopped process gets no signal before it continues; then it ends in order.
  signal(proven, 'SIGCONT');
  if (await hasEnded(proven, TERMINATE_WAIT_MS)) return true;
  signal(proven, 'SIGKILL');
  return await hasEnded(proven, KILL_WAIT_MS);
}

/** Waits for at most `waitMs`. */
export async function hasEnded(proven: OwnProcess, waitMs: number): Promise<boolean> {
  const endMs = performance.now() + waitMs;
  while (provesProcess(proven)) {
    if (performance.now() >= endMs) return false;
    await pause(PAUSE_MS);
  }
  return true;
}

function signal(proven: OwnProcess, name: NodeJS.Signals): void {
  if (!provesProcess(proven)) return;
  try {
    process.kill(proven.pid, name);
  } catch {
    // It has just ended.
  }
}

function readProcess(pid: number): OwnProcess | undefined {
  const directory = `/proc/${pid}`;
  try {
    if (statSync(directory).uid !== userId()) return undefined;
    const words = readFileSync(`${directory}/cmdline`, 'utf8').split('\0').slice(0, -1);
    const [, file = '', ...args] = words;
    return { pid, program: basename(file), args, startedMs: readStartMs(directory) };
  } catch {
    // Gone, another user's, or a system without /proc.
    return undefined;
  }
}

function readStartMs(directory: string): number {
  const stat = readFileSync(`${directory}/stat`, 'utf8');
  // The second field, in parentheses, can hold anything; field 22 is the 20th after it.
  const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  const bootS = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]);
  return bootS * 1000 + (ticks * 1000) / TICKS_PER_SECOND;
}
