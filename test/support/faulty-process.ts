import { spawn } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'rolldown';
import type { FaultyAnswer, FaultyRun } from './faulty-bd.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Ended otherwise than by its fault, it must not live on. */
const DEADLINE_MS = 50_000;

export interface FaultyEnd {
  /** What each command that ended said. */
  answers: FaultyAnswer[];
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

/** `faulty-bd.ts` as a program of its own, built into `directory` as the product is. */
export function buildFaultyBd(directory: string): Promise<string> {
  return buildProgram('faulty-bd', directory);
}

/** The same for another file of this folder. */
export async function buildProgram(name: string, directory: string): Promise<string> {
  // What is not bundled is found beside it.
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  await build({
    input: join(ROOT, 'test/support', `${name}.ts`),
    cwd: ROOT,
    platform: 'node',
    external: ['better-sqlite3'],
    transform: { target: 'node20' },
    logLevel: 'silent',
    output: { dir: directory, format: 'esm', entryFileNames: '[name].mjs' },
  });
  return join(directory, `${name}.mjs`);
}

/** Runs it to its end, whatever that is; `inside` is what starts it elsewhere. */
export function runFaulty(
  program: string,
  run: FaultyRun,
  { env, inside = [] }: { env: Readonly<Record<string, string>>; inside?: readonly string[] },
): Promise<FaultyEnd> {
  const [command, ...args] = [...inside, process.execPath, program, JSON.stringify(run)];
  return new Promise((done, fail) => {
    const child = spawn(command, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: DEADLINE_MS,
    });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (said.stdout += String(chunk)));
    child.stderr.on('data', (chunk: Buffer) => (said.stderr += String(chunk)));
    child.on('error', fail);
    child.on('close', (exitCode, signal) => {
      const lines = said.stdout.split('\n').filter(Boolean);
      const answers = lines.map((line) => JSON.parse(line) as FaultyAnswer);
      done({ answers, exitCode, signal, stderr: said.stderr });
    });
  });
}
