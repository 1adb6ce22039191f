import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DRAIN_TIMEOUT_MS } from '../../src/core/limits.ts';
import { eventually } from './eventually.ts';
import { createSandbox, runGit, type Sandbox } from './sandbox.ts';

/** The built program; another build of it can be named. */
export const BD = resolve(import.meta.dirname, '../../dist/bd.js');
export const DAEMON = resolve(import.meta.dirname, '../../dist/bd-daemon.js');
const RUN_DEADLINE_MS = 50_000;

/** A daemon that was told to end may finish what runs, and write its mirror. */
const END = { deadlineMs: DRAIN_TIMEOUT_MS + 3_000, what: 'the end of a daemon' };

export interface Run {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  stdin?: string;
  /** Added to the hermetic environment; undefined takes a variable out. */
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  /** Another build's `bd.js`, or another client: a program that takes the same command line. */
  program?: string;
}

export type RunBd = (args: readonly string[], options?: RunOptions) => Promise<Run>;

/** One project directory, in a hermetic world of its own or shared with other clones. */
export interface TestProject {
  readonly directory: string;
  readonly beadsDir: string;
  /** Runs `bd`: the built `dist/bd.js`, or in this process where the workspace was made so. */
  readonly bd: RunBd;
  /** The same, for its standard output; throws when it fails. */
  bdText(args: readonly string[], options?: RunOptions): Promise<string>;
  /** The same, with `--json`, parsed. */
  bdJson<T = unknown>(args: readonly string[], options?: RunOptions): Promise<T>;
  /** Starts `bd` and leaves it running: the caller ends it. */
  start(args: readonly string[], options?: RunOptions): ChildProcessWithoutNullStreams;
  /** Runs git; throws when it fails. */
  git(...args: string[]): string;
  /** What `.beads/daemon.pid` says; undefined without it. */
  daemonPid(): number | undefined;
}

export interface TestWorkspace extends TestProject, AsyncDisposable {
  /** Holds everything. */
  readonly sandbox: Sandbox;
  readonly root: string;
  readonly home: string;
  readonly runtimeDir: string;
  readonly env: Readonly<Record<string, string>>;
  /** The bare repository, with `git: 'with-remote'`. */
  readonly remote: string;
  /** The workspace itself is the first. */
  readonly clones: readonly TestProject[];
}

/** Temp directories with their own HOME, runtime directory and git; daemons are stopped at the end. */
export async function createTestWorkspace({
  git = 'plain',
  clones: cloneCount = 1,
  client = 'process',
}: {
  git?: 'none' | 'plain' | 'with-remote';
  clones?: number;
  /** `here` saves the process of each command that names no program; its daemons are real. */
  client?: 'process' | 'here';
} = {}): Promise<TestWorkspace> {
  const sandbox = createSandbox();
  const { env } = sandbox;
  const remote = sandbox.at('remote.git');
  const names = Array.from({ length: cloneCount }, (_, index) =>
    index === 0 ? 'w' : `w${index + 1}`,
  );
  if (git === 'with-remote') makeRemote(sandbox, remote);
  const createInProcess =
    client === 'here' ? (await import('./in-process-bd.ts')).createInProcessBd : undefined;
  const clones = names.map((name) => {
    const directory = sandbox.at(name);
    if (git === 'with-remote') sandbox.git(sandbox.directory, 'clone', '-q', remote, directory);
    else mkdirSync(directory);
    if (git === 'plain') sandbox.git(directory, 'init', '-q', '-b', 'main');
    if (git !== 'none') {
      sandbox.git(directory, 'config', 'user.name', `Tester ${name}`);
      sandbox.git(directory, 'config', 'user.email', `${name}@example.com`);
    }
    return createProject(directory, env, createInProcess?.({ directory, env }));
  });
  const [first] = clones;
  if (first === undefined) throw new Error('a test workspace has one clone at least');
  return {
    ...first,
    sandbox,
    root: sandbox.directory,
    home: sandbox.home,
    runtimeDir: sandbox.at('run'),
    env,
    remote,
    clones,
    async [Symbol.asyncDispose]() {
      await Promise.all(clones.map(stopDaemon));
      sandbox[Symbol.dispose]();
    },
  };
}

function makeRemote({ directory, at, git }: Sandbox, remote: string): void {
  const seed = at('seed');
  git(directory, 'init', '-q', '--bare', '-b', 'main', remote);
  git(directory, 'init', '-q', '-b', 'main', seed);
  git(seed, 'commit', '-q', '--allow-empty', '-m', 'Begin');
  git(seed, 'push', '-q', remote, 'main');
}

function createProject(
  directory: string,
  env: Readonly<Record<string, string>>,
  inProcess: RunBd | undefined,
): TestProject {
  const beadsDir = join(directory, '.beads');
  const start: TestProject['start'] = (args, options = {}) => {
    const { env: more = {}, cwd = directory, program = BD } = options;
    const [file, ...script] = program.endsWith('.js') ? [process.execPath, program] : [program];
    return spawn(file, [...script, ...args], { cwd, env: { ...env, ...more } });
  };
  const bd: RunBd = async (args, options) => {
    if (inProcess !== undefined && options?.program === undefined) {
      return await inProcess(args, options);
    }
    const child = start(args, options);
    child.stdin.on('error', () => {}); // A command that does not read its input may be gone by now.
    child.stdin.end(options?.stdin ?? '');
    return await finish(child, `bd ${args.join(' ')}`);
  };
  const bdText: TestProject['bdText'] = async (args, options) => {
    const run = await bd(args, options);
    if (run.exitCode === 0) return run.stdout;
    throw new Error(`bd ${args.join(' ')} ended with ${run.exitCode}\n${run.stderr}${run.stdout}`);
  };
  return {
    directory,
    beadsDir,
    start,
    bd,
    bdText,
    bdJson: async (args, options) => JSON.parse(await bdText([...args, '--json'], options)),
    git: (...args) => runGit(directory, env, args),
    daemonPid: () => readPid(join(beadsDir, 'daemon.pid')),
  };
}

function finish(child: ChildProcessWithoutNullStreams, what: string): Promise<Run> {
  return new Promise((done, fail) => {
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    const hung = setTimeout(() => {
      child.kill('SIGKILL');
      fail(new Error(`${what} did not end within ${RUN_DEADLINE_MS} ms`));
    }, RUN_DEADLINE_MS);
    child.on('error', fail);
    child.on('close', (code, signal) => {
      clearTimeout(hung);
      const text = { stdout: String(Buffer.concat(stdout)), stderr: String(Buffer.concat(stderr)) };
      if (code === null) fail(new Error(`${what} was ended by ${signal}\n${text.stderr}`));
      else done({ exitCode: code, ...text });
    });
  });
}

async function stopDaemon(project: TestProject): Promise<void> {
  const pid = project.daemonPid();
  if (pid === undefined || !isDaemonOf(pid, project)) return;
  // By a signal, which costs no process; a test may have left it stopped or broken.
  process.kill(pid, 'SIGTERM');
  process.kill(pid, 'SIGCONT');
  const hasEnded = (): boolean => !isDaemonOf(pid, project);
  await eventually(hasEnded, END).catch(() => hasEnded() || process.kill(pid, 'SIGKILL'));
}

/** Nobody else's process is ever signalled. */
function isDaemonOf(pid: number, { beadsDir }: TestProject): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(beadsDir);
  } catch {
    return false;
  }
}

function readPid(path: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10);
  } catch {
    return undefined;
  }
}
