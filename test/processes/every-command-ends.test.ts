import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCommandLine } from '../../src/client/command-line.ts';
import { daemonPidOf } from '../support/daemon-processes.ts';
import { createForwardingBd } from '../support/in-process-bd.ts';
import { REAL_GIT } from '../support/real-git.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';
import {
  BD,
  createTestWorkspace,
  type Run,
  type RunBd,
  type TestWorkspace,
} from '../support/test-workspace.ts';

/** What the product promises, and the time of a machine that does other things too. */
const END_MS = 6_000;
const MARGIN_MS = 5_000;

const ALONE: Readonly<Record<string, string>> = { BEADS_NO_DAEMON: '1' };

/** Commands at once: where they work, and where they only wait. */
const AT_ONCE = 4;
const WAITING_AT_ONCE = 50;

/** Every way through the client: what it forwards, with and without input, and what it does itself. */
const EVERY_WAY = ['list', 'create', 'import', 'export', 'help', 'version'].concat(
  ['init', 'uninstall', 'daemon', 'daemons', 'mcp'], // These may call a daemon, or a remote.
);

/** Those that may wait for a remote. */
const ASK_REMOTE = ['list', 'create', 'sync', 'init', 'uninstall', 'daemon'];

/** Those that read their input, and one that does not. */
const READ_INPUT = ['import', 'mcp', 'list'];

interface Command {
  args: readonly string[];
  stdin?: string;
  /** Its exit code when all is well. */
  exit?: number;
  /** Does without the daemon, or says about it what can be said: its exit code when that one is stopped. */
  stopped?: number;
  /** The same when the disk is full: it has something to write then. */
  full?: number;
  /** The same when the remote is silent. */
  deaf?: number;
  /** Run as text only, as it prints no JSON whatever is asked, or as JSON only, as it works but once. */
  only?: 'text' | 'json';
}

const LINE = '{"id":"t-9","title":"Imported","status":"open","issue_type":"task","priority":2}\n';

const COMMANDS: readonly Command[] = [
  { args: ['list'] },
  { args: ['ready'] },
  { args: ['show', 't-1'] },
  { args: ['search', 'One'] },
  { args: ['blocked'] },
  { args: ['children', 't-1'] },
  { args: ['stale'] },
  { args: ['count'] },
  { args: ['status'] },
  { args: ['info'] },
  { args: ['where'] },
  { args: ['dep', 'tree', 't-1'] },
  { args: ['label', 'list', 't-1'] },
  { args: ['comments', 't-1'] },
  { args: ['conflicts'] },
  { args: ['epic', 'status'] },
  { args: ['config', 'list'] },
  { args: ['config', 'explain'] },
  { args: ['show', 'no-such'], exit: 3 },
  { args: ['dance'], exit: 2 },
  { args: ['create', 'Made'], full: 1 },
  { args: ['q', 'Quick'], full: 1 },
  { args: ['update', 't-1', '--title', 'Changed'], full: 1 },
  { args: ['close', 't-2', '--reason', 'Done'], full: 1 },
  { args: ['reopen', 't-3'], full: 1 },
  { args: ['delete', 't-4', '--force'], full: 1, only: 'json' },
  { args: ['dep', 'add', 't-5', 't-1'], full: 1 },
  { args: ['label', 'add', 't-5', 'red'], full: 1 },
  { args: ['comment', 't-5', 'Said'], full: 1 },
  { args: ['config', 'set', 'status.custom', 'review'], full: 1 },
  { args: ['import', '-i', '-'], stdin: LINE, full: 1 },
  { args: ['import'], stdin: LINE, full: 1 },
  { args: ['export'], only: 'text' },
  { args: ['sync'], deaf: 1 },
  { args: ['sync', '--status'] },
  { args: ['sync', '--flush-only'] },
  { args: ['migrate', '--to', 'worktree', '--dry-run'] },
  { args: ['init'], exit: 4, stopped: 4, full: 4 },
  { args: ['uninstall', '--dry-run'], exit: 1, stopped: 1 },
  { args: ['daemon', 'status'], stopped: 0 },
  { args: ['daemon', 'start'], stopped: 5 },
  { args: ['daemons', 'list'], stopped: 0 },
  { args: ['daemons', 'health'], stopped: 1, full: 1 },
  { args: ['mcp'], stopped: 0, only: 'text' },
  { args: ['version'], stopped: 0 },
  { args: ['help'], stopped: 0, only: 'text' },
];

/** Which end what the others need: run when those are done. */
const LAST: readonly Command[] = [
  { args: ['daemon', 'stop'], stopped: 5 },
  { args: ['migrate', '--to', 'worktree'], full: 1 },
  { args: ['uninstall'], exit: 1 },
];

type Input = 'given' | 'closed' | 'null';

interface World {
  workspace: TestWorkspace;
  /** Before the program and its arguments. */
  inside?: readonly string[];
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  input?: Input;
  /** The commands that are run as processes of their own, as these may hang; none when left out. */
  processes?: readonly string[];
  /** Runs a command in this process; the workspace's own when left out. */
  forward?: RunBd;
}

async function run(command: Command, world: World): Promise<Run> {
  const { workspace, forward = workspace.bd, processes = [] } = world;
  const { command: name = '' } = readCommandLine(command.args);
  if (processes.includes(name)) return await runProcess(command, world);
  const { args, stdin = '' } = command;
  const ended = forward(args, { env: world.env ?? {}, stdin });
  const hung = { exitCode: -1, stdout: '', stderr: '' };
  return await Promise.race([ended, pause(END_MS + MARGIN_MS, hung, { ref: false })]);
}

function runProcess({ args, stdin = '' }: Command, world: World): Promise<Run> {
  const { workspace, inside = [], input = 'given', env = {} } = world;
  const program = [...inside, process.execPath, BD, ...args];
  const [file = '', ...rest] =
    input === 'closed' ? ['sh', '-c', 'exec "$@" <&-', 'sh', ...program] : program;
  return new Promise((done, fail) => {
    const nothing = input === 'null' ? openSync('/dev/null', 'r') : undefined;
    const child = spawn(file, rest, {
      cwd: world.cwd ?? workspace.directory,
      env: { ...workspace.env, ...env },
      stdio: [nothing ?? 'pipe', 'pipe', 'pipe'],
    });
    if (nothing !== undefined) closeSync(nothing);
    let [stdout, stderr] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin?.on('error', () => {});
    child.stdin?.end(input === 'given' ? stdin : '');
    const hung = setTimeout(() => child.kill('SIGKILL'), END_MS + MARGIN_MS);
    child.on('error', fail);
    child.on('close', (code) => {
      clearTimeout(hung);
      done({ exitCode: code ?? -1, stdout, stderr });
    });
  });
}

type Form = 'text' | 'json';

/**
 * All of them, a few at a time, in this form or in the only one they have; what is not as promised, by
 * command. Each form is run with two situations: what a command prints does not hang on the situation.
 */
async function trouble(
  commands: readonly Command[],
  world: World,
  {
    exitOf,
    form,
    atOnce = AT_ONCE,
  }: {
    exitOf: (command: Command) => number;
    form: Form;
    atOnce?: number;
  },
): Promise<string[]> {
  const asked = commands.map((command) => ({
    ...command,
    args: (command.only ?? form) === 'json' ? [...command.args, '--json'] : command.args,
  }));
  const found: string[] = [];
  const work = async (): Promise<void> => {
    for (let command = asked.shift(); command !== undefined; command = asked.shift()) {
      const ended = await run(command, world);
      const wrong = faults(command, ended, exitOf(command));
      if (wrong.length > 0) {
        const said = `${ended.stdout.slice(0, 200)}${ended.stderr}`;
        found.push(`bd ${command.args.join(' ')}: ${wrong.join(', ')}\n${said}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return found;
}

function faults({ args }: Command, { exitCode, stdout, stderr }: Run, exit: number): string[] {
  const wrong: string[] = [];
  if (exitCode === -1) return ['did not end'];
  if (exitCode !== exit) wrong.push(`ended with ${exitCode} instead of ${exit}`);
  if (args.includes('--json') && !isJson(stdout)) wrong.push('stdout is no JSON');
  // An error is what happened and what to do; whatever worked has one line of news at most.
  const lines = stderr.split('\n').filter(Boolean).length;
  if (lines > (exitCode === 0 ? 1 : 2)) wrong.push(`${lines} lines on stderr`);
  if (/^\s+at .*:\d+:\d+/m.test(stderr)) wrong.push('a stack on stderr');
  return wrong;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const inOrder = (found: string[]): string[] => found.sort();

async function makeIssues(bdText: (args: string[]) => Promise<string>): Promise<void> {
  for (const id of ['t-1', 't-2', 't-3', 't-4', 't-5']) {
    await bdText(['create', `Issue ${id} One`, '--id', id]);
  }
  await bdText(['close', 't-3']);
}

describe('with the daemon stopped by a signal', () => {
  let workspace: TestWorkspace;
  let pid: number;
  beforeAll(async () => {
    workspace = await createTestWorkspace({ client: 'here' });
    await workspace.bdText(['init', '--prefix', 't']);
    await makeIssues((args) => workspace.bdText(args));
    // A dry run of an uninstall counts the issues of the mirror.
    await workspace.bdText(['sync', '--flush-only']);
    pid = daemonPidOf(workspace);
    process.kill(pid, 'SIGSTOP');
  });
  afterAll(async () => {
    process.kill(pid, 'SIGCONT');
    await workspace[Symbol.asyncDispose]();
  });

  test('every command ends in time, and says how', async () => {
    const exitOf = ({ stopped = 5 }: Command): number => stopped;
    const found = await trouble(
      [...COMMANDS, ...LAST],
      { workspace, processes: EVERY_WAY },
      { exitOf, form: 'json', atOnce: WAITING_AT_ONCE },
    );
    expect(inOrder(found)).toEqual([]);
  });

  test('the reason names the process, and nothing was done to it', async () => {
    const commands = [
      ['create', 'x'],
      ['daemon', 'stop'],
      ['uninstall', '--force'],
    ];
    for (const run of await Promise.all(commands.map((args) => workspace.bd(args)))) {
      expect(run).toMatchObject({
        exitCode: 5,
        stderr: expect.stringContaining(`process ${pid}`) as string,
      });
    }
    expect(workspace.daemonPid()).toBe(pid);
    process.kill(pid, 'SIGCONT');
    const listed = await workspace.bdJson<{ id: string }[]>(['list', '--all', '--limit', '0']);
    process.kill(pid, 'SIGSTOP');
    expect(listed.map(({ id }) => id).sort()).toEqual(['t-1', 't-2', 't-3', 't-4', 't-5']);
    expect(workspace.daemonPid()).toBe(pid);
  });
});

describe('with a remote that accepts and never answers', () => {
  let workspace: TestWorkspace;
  let deaf: Server;
  beforeAll(async () => {
    workspace = await createTestWorkspace({ git: 'with-remote', client: 'here' });
    await workspace.bdText(['init', '--prefix', 't']);
    await makeIssues((args) => workspace.bdText(args));
    deaf = createServer(() => {});
    await new Promise<void>((done) => deaf.listen(0, '127.0.0.1', done));
    const address = deaf.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    workspace.git('remote', 'set-url', 'origin', `git://127.0.0.1:${port}/x.git`);
  });
  afterAll(async () => {
    await workspace[Symbol.asyncDispose]();
    deaf.close();
  });

  const exitOf = ({ exit = 0, deaf: whenDeaf = exit }: Command): number => whenDeaf;

  test('every command ends in time, and only a sync fails', async () => {
    expect(
      inOrder(
        await trouble(COMMANDS, { workspace, processes: ASK_REMOTE }, { exitOf, form: 'text' }),
      ),
    ).toEqual([]);
  });

  test.each([
    { how: 'with a daemon', env: {}, next: 'the daemon goes on trying' },
    { how: 'without', env: ALONE, next: 'run `bd sync` again' },
  ])('a sync $how says that nobody answers, and what becomes of the changes', async (world) => {
    if (world.how === 'without') await workspace.bdText(['daemon', 'stop']);
    const { exitCode, stdout, stderr } = await run(
      { args: ['sync', '--json'] },
      { workspace, env: world.env, processes: ASK_REMOTE },
    );
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^Error: the remote( origin)? has not answered for [\d.]+ s\. .*\n$/);
    expect(stderr).toContain(world.next);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'offline' });
  });

  test.each(['daemon', 'direct'])('so do those that end something, %s', async (mode) => {
    const env = mode === 'direct' ? ALONE : {};
    for (const args of [
      ['config', 'set', 'sync.push', 'false'],
      ['config', 'set', 'sync.push', 'true'],
      ['q', 'In between'],
      ['migrate', '--to', 'worktree'],
      ['migrate', '--to', 'branch'],
      ['uninstall'],
      ['daemon', 'stop'],
    ]) {
      const processes = mode === 'direct' ? [...ASK_REMOTE, 'migrate', 'q'] : ASK_REMOTE;
      const { exitCode } = await run({ args }, { workspace, env, processes });
      expect({ args, ended: exitCode !== -1 }).toEqual({ args, ended: true });
    }
  });

  test('so does a first command in a clone whose remote is silent, and init there', async () => {
    using temp = createTempDirectory();
    const clone = join(temp.path, 'clone');
    execFileSync(REAL_GIT, ['init', '-q', clone], { env: workspace.env });
    const url = workspace.git('remote', 'get-url', 'origin');
    execFileSync(REAL_GIT, ['-C', clone, 'remote', 'add', 'origin', url], { env: workspace.env });
    const single = '+refs/heads/main:refs/remotes/origin/main';
    execFileSync(REAL_GIT, ['-C', clone, 'config', 'remote.origin.fetch', single]);
    const first = await runProcess({ args: ['list', '--json'] }, { workspace, cwd: clone });
    expect(first.exitCode).toBe(1);
    expect(isJson(first.stdout)).toBe(true);
    const init = await runProcess({ args: ['init'] }, { workspace, cwd: clone });
    expect(init.exitCode).not.toBe(-1);
  });
});

describe.each<{ input: Input; how: string; form: Form; processes: readonly string[] }>([
  // The next file that a process opens may get the number of its standard input.
  { input: 'closed', how: 'closed', form: 'text', processes: [...EVERY_WAY, 'migrate'] },
  { input: 'null', how: 'empty', form: 'json', processes: READ_INPUT },
])('with standard input $how', ({ input, form, processes }) => {
  let workspace: TestWorkspace;
  beforeAll(async () => {
    workspace = await createTestWorkspace({ client: 'here' });
    await workspace.bdText(['init', '--prefix', 't']);
    await makeIssues((args) => workspace.bdText(args));
  });
  afterAll(() => workspace[Symbol.asyncDispose]());

  test('every command ends in time, as ever', async () => {
    const exitOf = ({ exit = 0 }: Command): number => exit;
    const world = { workspace, input, processes };
    expect(inOrder(await trouble(COMMANDS, world, { exitOf, form }))).toEqual([]);
    for (const { args } of [...LAST, { args: ['import', '--no-daemon'] }]) {
      const { exitCode } = await run({ args }, { ...world, env: ALONE });
      expect({ args, ended: exitCode !== -1 }).toEqual({ args, ended: true });
    }
  });
});

const disk: TempDirectory = createTempDirectory();
const mounted = await mountSmallDisk(disk.path, { megabytes: 8 });
if ('refusal' in mounted) console.warn(`no small disk can be had here: ${mounted.refusal}`);

describe.skipIf('refusal' in mounted)('with the disk full', () => {
  const project = join(disk.path, 'w');
  const ballast = join(disk.path, 'ballast');
  let workspace: TestWorkspace;
  let world: World;
  const inside = 'disk' in mounted ? mounted.disk.startIn(disk.path) : [];
  const inProject = 'disk' in mounted ? mounted.disk.startIn(project) : [];
  const sh = (script: string): void => {
    const command = [...inside, 'sh', '-c', script, ballast];
    execFileSync(command[0] ?? '', command.slice(1), { env: workspace.env, stdio: 'ignore' });
  };
  const bd = async (args: readonly string[]): Promise<string> => {
    const ended = await runProcess({ args }, { workspace, inside: inProject, cwd: '/' });
    if (ended.exitCode !== 0) throw new Error(`bd ${args.join(' ')}: ${ended.stderr}`);
    return ended.stdout;
  };

  beforeAll(async () => {
    workspace = await createTestWorkspace({ client: 'here' });
    sh(`${REAL_GIT} init -q ${project}`);
    await bd(['init', '--prefix', 't']);
    await bd(['daemon', 'start']);
    const [socket = ''] = readdirSync(join(workspace.runtimeDir, 'bd'));
    const forward = createForwardingBd(join(workspace.runtimeDir, 'bd', socket), {
      directory: project,
      env: workspace.env,
    });
    world = { workspace, inside: inProject, cwd: '/', forward, processes: EVERY_WAY };
    await makeIssues((args) => forward(args).then(({ stdout }) => stdout));
    await forward(['sync']);
    sh('cat /dev/zero > "$0" || true');
  });
  afterAll(async () => {
    sh('rm -f "$0"');
    await bd(['daemon', 'stop']);
    await workspace[Symbol.asyncDispose]();
    if ('disk' in mounted) mounted.disk[Symbol.dispose]();
    disk[Symbol.dispose]();
  });

  const exitOf = ({ exit = 0, full = exit }: Command): number => full;

  test('every command ends in time, and only what has to write fails', async () => {
    expect(inOrder(await trouble(COMMANDS, world, { exitOf, form: 'json' }))).toEqual([]);
  });

  test('so it does without a daemon, and with one that cannot start', async () => {
    await run({ args: ['daemon', 'stop'] }, world);
    for (const env of [ALONE, {}]) {
      for (const args of [
        ['create', 'x', '--json'],
        ['list', '--json'],
        ['sync', '--json'],
      ]) {
        const { exitCode, stdout } = await runProcess({ args }, { ...world, env });
        expect({ args, ended: exitCode !== -1, json: isJson(stdout) }).toEqual({
          args,
          ended: true,
          json: true,
        });
      }
    }
  });
});
