import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { devNull } from 'node:os';
import { parse } from 'node:path';
import type { Readable } from 'node:stream';
import { BdError, messageOf } from '../core/errors.ts';
import type { Environment } from '../platform/environment.ts';
import { listInheritedDescriptors } from '../platform/inherited-descriptors.ts';
import { daemonLogPath } from '../place/workspace-files.ts';
import { fromRpcError, type RpcError } from '../protocol/messages.ts';
import { selectDaemonEnvironment } from './client-environment.ts';

export interface DaemonProgram {
  /** The built entry point of the daemon. */
  file: string;
  /** The Node that runs it. */
  execPath: string;
}

export interface DaemonStart {
  beadsDir: string;
  program: DaemonProgram;
  env: Environment;
}

export type Spawned =
  | { kind: 'ready' }
  /** Another process holds the workspace's lock. */
  | { kind: 'busy' }
  | { kind: 'failed'; error: BdError }
  /** A signal ended it, which says nothing of the next one. */
  | { kind: 'killed'; error: BdError };

/** The pipe on which a daemon says how its start went: `R`, `B` or `E <error>`, one line. */
const READY_FD = 3;

/** Read of what a dying daemon said: a stack begins with its cause. */
const LAST_WORDS_BYTES = 16 * 1024;

/** Starts a daemon that outlives this process, and waits for its first word. */
export async function spawnDaemon(
  start: DaemonStart,
  { timeoutMs }: { timeoutMs: number },
): Promise<Spawned> {
  const { beadsDir } = start;
  const log = openLog(beadsDir);
  const logStart = log === undefined ? 0 : fstatSync(log).size;
  try {
    const child = spawnProgram(start, log);
    return await readFirstWord(child, { beadsDir, logStart, timeoutMs });
  } catch (error) {
    // Of some reasons why the system starts no process, Node tells like this.
    const reason = messageOf(error);
    return { kind: 'failed', error: cannotStart(beadsDir, reason) };
  } finally {
    if (log !== undefined) closeSync(log);
  }
}

function spawnProgram(
  { beadsDir, program, env }: DaemonStart,
  log: number | undefined,
): ChildProcess {
  const nothing = openSync(devNull, 'r');
  try {
    return spawn(program.execPath, [program.file, beadsDir, '--ready-pipe'], {
      detached: true,
      windowsHide: true,
      // A working directory inside the workspace would keep it from being moved or unmounted.
      cwd: parse(beadsDir).root,
      env: selectDaemonEnvironment(env),
      // Never ours: `$(bd …)` would wait for a daemon that holds its output open.
      stdio: ['ignore', log ?? 'ignore', log ?? 'ignore', 'pipe', ...coverInherited(nothing)],
    });
  } finally {
    closeSync(nothing);
  }
}

/**
 * What is left of the caller's descriptors is given `nothing` in its place: a lock of his
 * (`flock 200`), or a pipe that another program reads, would stay taken as long as the daemon lives.
 */
function coverInherited(nothing: number): ('ignore' | number)[] {
  const inherited = new Set(listInheritedDescriptors());
  const first = READY_FD + 1;
  const count = Math.max(READY_FD, ...inherited) - READY_FD;
  return Array.from({ length: count }, (_, at) => (inherited.has(first + at) ? nothing : 'ignore'));
}

function readFirstWord(
  child: ChildProcess,
  { beadsDir, logStart, timeoutMs }: { beadsDir: string; logStart: number; timeoutMs: number },
): Promise<Spawned> {
  return new Promise((done) => {
    // None where the system has no more files to open, which `error` tells.
    const pipe = (child.stdio as readonly unknown[] | undefined)?.[READY_FD] as
      | Readable
      | undefined;
    let text = '';
    const finish = (spawned: Spawned): void => {
      clearTimeout(deadline);
      pipe?.destroy();
      child.unref();
      done(spawned);
    };
    const fail = (reason: string): void =>
      finish({ kind: 'failed', error: cannotStart(beadsDir, reason) });
    const deadline = setTimeout(() => fail(`it was not ready after ${timeoutMs} ms`), timeoutMs);
    child.once('error', (error) => fail(error.message));
    pipe?.setEncoding('utf8');
    pipe?.on('data', (piece: string) => {
      text += piece;
      if (text.endsWith('\n')) finish(readWord(text));
    });
    pipe?.once('error', (error) => fail(error.message));
    // The pipe closes with the process: a daemon that dies is noticed at once.
    pipe?.once('end', () => {
      const reason = `${lastWords(beadsDir, logStart)}; see ${daemonLogPath(beadsDir)}`;
      whenEnded(child, (signal) =>
        finish({
          kind: signal === null ? 'failed' : 'killed',
          error: cannotStart(beadsDir, signal === null ? reason : `${signal} ended it`),
        }),
      );
    });
  });
}

/** The pipe may close before its process is gone. */
function whenEnded(child: ChildProcess, tell: (signal: NodeJS.Signals | null) => void): void {
  if (child.exitCode !== null || child.signalCode !== null) tell(child.signalCode);
  else child.once('exit', (_code, signal) => tell(signal));
}

function readWord(text: string): Spawned {
  if (text.startsWith('R')) return { kind: 'ready' };
  if (text.startsWith('B')) return { kind: 'busy' };
  return { kind: 'failed', error: fromRpcError(JSON.parse(text.slice(2)) as RpcError) };
}

/** For what Node itself prints when it dies; a daemon can do without. */
function openLog(beadsDir: string): number | undefined {
  try {
    return openSync(daemonLogPath(beadsDir), 'a', 0o600);
  } catch {
    return undefined;
  }
}

/** What Node said in the log as the daemon died: the first line that names an error. */
function lastWords(beadsDir: string, from: number): string {
  try {
    const log = openSync(daemonLogPath(beadsDir), 'r');
    try {
      const text = Buffer.alloc(LAST_WORDS_BYTES);
      const said = text.toString('utf8', 0, readSync(log, text, 0, text.length, from));
      return /^(?:\w*Error|FATAL ERROR)\b.*$/m.exec(said)?.[0] ?? 'it ended';
    } finally {
      closeSync(log);
    }
  } catch {
    return 'it ended';
  }
}

function cannotStart(beadsDir: string, reason: string): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `the daemon of ${beadsDir} did not start: ${reason}`,
    remedy: 'Work without it (`bd --no-daemon …`, or BEADS_NO_DAEMON=1) until that is mended.',
  });
}
