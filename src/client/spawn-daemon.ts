import type { ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { parse } from 'node:path';
import { BdError, messageOf } from '../core/errors.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Environment } from '../platform/environment.ts';
import { listOwnProcesses, type OwnProcess } from '../platform/own-process.ts';
import { spawnDetached, type Detached } from '../platform/spawn-detached.ts';
import { fromRpcError, type RpcError } from '../protocol/messages.ts';
import { ALLOCATOR_SETTINGS, selectDaemonEnvironment } from './client-environment.ts';

export interface DaemonProgram {
  /** The built entry point of the daemon. */
  file: string;
  /** The Node that runs it. */
  execPath: string;
}

export interface DaemonStart {
  place: WorkspacePlace;
  program: DaemonProgram;
  env: Environment;
}

/** What a daemon reports on its pipe in one line: `R` ready, `B` busy, `E <error>` failed. */
export type Spawned =
  | { kind: 'ready' }
  /** Another process holds the workspace's lock. */
  | { kind: 'busy' }
  | { kind: 'failed'; error: BdError }
  /** A signal ended it; the next start may succeed. */
  | { kind: 'killed'; error: BdError };

/** How much of a dying daemon's output is read: a stack begins with its cause. */
const LAST_WORDS_BYTES = 16 * 1024;

/** Starts a daemon that outlives this process, and waits for its report. */
export async function spawnDaemon(
  { place, program, env }: DaemonStart,
  { timeoutMs }: { timeoutMs: number },
): Promise<Spawned> {
  const log = openLog(place);
  const logStart = log === undefined ? 0 : fstatSync(log).size;
  try {
    const detached = spawnDetached(
      [program.execPath, program.file, place.beadsDir, '--ready-pipe'],
      {
        env: { ...selectDaemonEnvironment(env), ...ALLOCATOR_SETTINGS },
        directory: parse(place.beadsDir).root,
        output: log,
      },
    );
    return await readReport(detached, { place, logStart, timeoutMs });
  } catch (error) {
    // For some reasons why the system starts no process, Node throws.
    return { kind: 'failed', error: cannotStart(place, messageOf(error)) };
  } finally {
    if (log !== undefined) closeSync(log);
  }
}

export interface DaemonProcess extends OwnProcess {
  /** The workspace that it was started for. */
  beadsDir: string;
}

/** All daemons of this user, responsive or not. */
export function listDaemonProcesses(): DaemonProcess[] {
  return listOwnProcesses('bd-daemon.js').flatMap((each) => {
    const [beadsDir = ''] = each.args;
    return beadsDir.startsWith('/') ? [{ ...each, beadsDir }] : [];
  });
}

function readReport(
  { child, report }: Detached,
  { place, logStart, timeoutMs }: { place: WorkspacePlace; logStart: number; timeoutMs: number },
): Promise<Spawned> {
  return new Promise((done) => {
    let text = '';
    const finish = (spawned: Spawned): void => {
      clearTimeout(deadline);
      report?.destroy();
      child.unref();
      done(spawned);
    };
    const fail = (reason: string): void =>
      finish({ kind: 'failed', error: cannotStart(place, reason) });
    const deadline = setTimeout(() => fail(`it was not ready after ${timeoutMs} ms`), timeoutMs);
    child.once('error', (error) => fail(error.message));
    report?.setEncoding('utf8');
    report?.on('data', (piece: string) => {
      text += piece;
      if (text.endsWith('\n')) finish(parseReport(text));
    });
    report?.once('error', (error) => fail(error.message));
    // The pipe closes with the process, so a daemon that dies is noticed at once.
    report?.once('end', () => {
      const reason = `${lastWords(place, logStart)}; see ${place.logFile}`;
      whenEnded(child, (signal) =>
        finish({
          kind: signal === null ? 'failed' : 'killed',
          error: cannotStart(place, signal === null ? reason : `${signal} ended it`),
        }),
      );
    });
  });
}

/** The pipe may close before its process is gone. */
function whenEnded(child: ChildProcess, onEnd: (signal: NodeJS.Signals | null) => void): void {
  if (child.exitCode !== null || child.signalCode !== null) onEnd(child.signalCode);
  else child.once('exit', (_code, signal) => onEnd(signal));
}

function parseReport(text: string): Spawned {
  if (text.startsWith('R')) return { kind: 'ready' };
  if (text.startsWith('B')) return { kind: 'busy' };
  return { kind: 'failed', error: fromRpcError(JSON.parse(text.slice(2)) as RpcError) };
}

/** Catches what Node itself prints when it dies; a daemon runs without it too. */
function openLog({ logFile }: WorkspacePlace): number | undefined {
  try {
    return openSync(logFile, 'a', 0o600);
  } catch {
    return undefined;
  }
}

/** The first line that names an error, in what Node wrote to the log as the daemon died. */
function lastWords({ logFile }: WorkspacePlace, from: number): string {
  try {
    const log = openSync(logFile, 'r');
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

function cannotStart({ beadsDir }: WorkspacePlace, reason: string): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `the daemon of ${beadsDir} did not start: ${reason}`,
    remedy: 'Work without it (`bd --no-daemon …`, or BEADS_NO_DAEMON=1) until that is fixed.',
  });
}
