import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Readable } from 'node:stream';
import type { Environment } from './environment.ts';

/** The pipe on which a detached program reports to the process that started it. */
const REPORT_FD = 3;

/** As Linux prints it among the flags of a descriptor. */
const CLOSES_ON_EXEC = 0o2000000;

export type Detached = ReturnType<typeof spawnDetached>;

/**
 * Starts a program that outlives this process: a session of its own, no standard input, and no descriptor
 * of ours but `output` and the report pipe, which is undefined when the system has no descriptor left; the
 * child's `error` event then says so.
 */
export function spawnDetached(
  [program, ...args]: readonly [string, ...string[]],
  {
    env,
    directory,
    output,
  }: {
    env: Environment;
    /** One that stays: the process keeps it from being unmounted. */
    directory: string;
    /** Never our own: `$(command)` would wait for a program that keeps its output open. */
    output: number | undefined;
  },
) {
  const nothing = openSync(devNull, 'r');
  try {
    const child = spawn(program, args, {
      detached: true,
      windowsHide: true,
      cwd: directory,
      env: { ...env },
      stdio: ['ignore', output ?? 'ignore', output ?? 'ignore', 'pipe', ...coverInherited(nothing)],
    });
    // Without a descriptor left, Node gives no stdio at all.
    const pipes = child.stdio as readonly unknown[] | undefined;
    return { child, report: pipes?.[REPORT_FD] as Readable | undefined };
  } finally {
    closeSync(nothing);
  }
}

/**
 * Gives the child `nothing` in place of the descriptors it would inherit: the caller's lock (`flock 200`),
 * or a pipe that another program reads, would otherwise stay open as long as the child lives.
 */
function coverInherited(nothing: number): ('ignore' | number)[] {
  const inherited = new Set(listInherited());
  const first = REPORT_FD + 1;
  const count = Math.max(REPORT_FD, ...inherited) - REPORT_FD;
  return Array.from({ length: count }, (_, at) => (inherited.has(first + at) ? nothing : 'ignore'));
}

/**
 * Descriptors beside the standard three that children inherit: Node keeps back only those up to the first
 * gap above 15. Empty where the system has no such list.
 */
function listInherited(): number[] {
  try {
    return readdirSync('/proc/self/fdinfo')
      .map(Number)
      .filter((descriptor) => descriptor > 2 && isPassedOn(descriptor));
  } catch {
    return [];
  }
}

function isPassedOn(descriptor: number): boolean {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8');
    const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? '', 8);
    return (flags & CLOSES_ON_EXEC) === 0;
  } catch {
    // The descriptor of the listing itself.
    return false;
  }
}
