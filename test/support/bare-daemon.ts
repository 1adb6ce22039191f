import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { TestProject, TestWorkspace } from './test-workspace.ts';

const PROGRAM = resolve(import.meta.dirname, '../../dist/bd-daemon.js');

export interface BareDaemon {
  pid: number;
  /** The first word on the ready pipe, such as `R`; what came when the pipe ended without one. */
  firstWord: Promise<string>;
  /** Its exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals | null>;
}

/** A daemon as `bd` starts it, with more options for its Node: a test can make it do what none does. */
export function startBareDaemon(
  { beadsDir }: Pick<TestProject, 'beadsDir'>,
  { env, nodeOptions }: { env: TestWorkspace['env']; nodeOptions: readonly string[] },
): BareDaemon {
  const log = openSync(join(beadsDir, 'daemon.log'), 'a', 0o600);
  const child = spawn(process.execPath, [...nodeOptions, PROGRAM, beadsDir, '--ready-pipe'], {
    cwd: '/',
    env,
    stdio: ['ignore', log, log, 'pipe'],
  });
  closeSync(log);
  const pipe = child.stdio[3] as Readable;
  const firstWord = new Promise<string>((done) => {
    let text = '';
    pipe.setEncoding('utf8');
    pipe.on('data', (piece: string) => (text += piece));
    pipe.on('end', () => done(text.trim()));
  });
  const ended = new Promise<number | NodeJS.Signals | null>((done) => {
    child.once('close', (code, signal) => done(code ?? signal));
  });
  // A signal for process 0 would be one for the tests themselves.
  if (child.pid === undefined) throw new Error('the daemon could not be started');
  return { pid: child.pid, firstWord, ended };
}
