import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { daemonsOf } from '../support/daemon-processes.ts';
import { eventually } from '../support/eventually.ts';
import {
  createNativeWorkspace,
  isNativeBuilt,
  type NativePackage,
} from '../support/native-package.ts';
import { type RunOptions, type TestWorkspace } from '../support/test-workspace.ts';

/** The daemon is killed so often while commands run. */
const KILLS = 6;

describe.skipIf(!isNativeBuilt)('the native client', () => {
  let workspace: TestWorkspace;
  let program: NativePackage;
  beforeEach(async () => {
    ({ workspace, program } = await createNativeWorkspace('a package'));
  });
  afterEach(() => workspace[Symbol.asyncDispose]());

  const bd = (args: string[], options: RunOptions = {}): Promise<string> =>
    workspace.bdText(args, { program: program.bd, ...options });
  const shell = (script: string, cwd = workspace.directory): string =>
    execFileSync('sh', ['-c', script], {
      cwd,
      env: { ...workspace.env, BD: program.bd },
      encoding: 'utf8',
    });

  test('starts the daemon itself, in no way that differs from the Node client’s', async () => {
    const id = (await bd(['q', 'First'])).trim();
    expect(program.handovers()).toEqual([]);
    const pid = workspace.daemonPid();
    const seen = (): string[] => [
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(2).join(' '),
      readlinkSync(`/proc/${pid}/cwd`),
      String(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[5] === String(pid)),
    ];
    expect(seen()).toEqual([`${workspace.beadsDir} --ready-pipe `, '/', 'true']);
    expect(readdirSync(workspace.beadsDir)).not.toContain('daemon.lock.start');
    expect(await bd(['show', id, '--json'])).toContain('First');
  });

  test('gives the daemon none of the descriptors it was called with', async () => {
    shell('exec 7<"$BD"; "$BD" q First');
    // What it opens and closes meanwhile, ls complains about.
    const { stdout: open } = spawnSync('ls', ['-l', `/proc/${workspace.daemonPid()}/fd`], {
      encoding: 'utf8',
    });
    expect(open).not.toContain(program.bd);
    expect(open).toContain(join(workspace.beadsDir, 'daemon.log'));
    expect(program.handovers()).toEqual([]);
  });

  test('called twenty times at once, with no daemon yet, and then with one: each issue is there once', async () => {
    for (const round of ['first', 'second']) {
      const titles = Array.from({ length: 20 }, (_, at) => `${round} ${at}`);
      await Promise.all(titles.map((title) => bd(['q', title])));
    }
    const issues = JSON.parse(await bd(['list', '--limit', '0', '--json'])) as { title: string }[];
    expect(new Set(issues.map(({ title }) => title)).size).toBe(40);
    expect(issues).toHaveLength(40);
    expect(daemonsOf(workspace)).toHaveLength(1);
  });

  test('finds the workspace from a subdirectory, from a linked worktree, and from a directory in that', async () => {
    await bd(['q', 'First']);
    workspace.git(
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@b',
      'commit',
      '-q',
      '--allow-empty',
      '-m',
      'One',
    );
    const tree = workspace.sandbox.at('tree');
    workspace.git('worktree', 'add', '-q', '-b', 'other', tree);
    const [inside, below] = [join(tree, 'a/b'), join(workspace.directory, 'a/b')];
    for (const path of [inside, below]) mkdirSync(path, { recursive: true });
    for (const cwd of [tree, inside, below]) expect(await bd(['list'], { cwd })).toContain('First');
    expect(program.handovers()).toEqual([]);
  });

  test('passes words, output and input on as they are, whatever is in them', async () => {
    const odd = 'größe 🪁 "quoted" \\ back €';
    const id = (await bd(['q', odd])).trim();
    expect(await bd(['show', id, '--json'])).toContain(JSON.stringify(odd));
    const text = `${'größe 🪁 € '.repeat(20_000)}end`;
    const line = {
      id: 't-big',
      title: 'Big',
      description: text,
      status: 'open',
      priority: 1,
      issue_type: 'task',
      created_at: '2026-01-01T00:00:00Z',
      updated_at: '2026-01-01T00:00:00Z',
    };
    await bd(['import', '-i', '-'], { stdin: `${JSON.stringify(line)}\n` });
    const shown = JSON.parse(await bd(['show', 't-big', '--json'])) as { description: string }[];
    expect(shown[0]?.description).toBe(text);
    expect(program.handovers()).toEqual([]);
  });

  test('reads input that comes slowly, cut inside of characters, and with bytes that are none', async () => {
    await bd(['q', 'First']);
    const child = spawn(program.bd, ['create', 'From input', '--body-file', '-', '--json'], {
      cwd: workspace.directory,
      env: workspace.env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const pieces = [
      [0x61, 0xf0],
      [0x9f, 0xaa],
      [0x81, 0xc3],
      [0x28, 0xe2, 0x82],
    ];
    for (const piece of pieces) {
      child.stdin.write(Buffer.from(piece));
      await new Promise((wake) => setImmediate(wake));
    }
    child.stdin.end();
    let stdout = '';
    for await (const piece of child.stdout) stdout += String(piece);
    expect((JSON.parse(stdout) as { description: string }).description).toBe('a🪁\ufffd(\ufffd');
  });

  test('ends well when the reader of its output has gone, and with closed standard streams', async () => {
    for (let at = 0; at < 3; at += 1) await bd(['q', `Issue ${at}`]);
    expect(shell('"$BD" list --json | head -n 1; echo $?')).toBe('[\n0\n');
    expect(shell('{ "$BD" list; echo $? >&3; } 3>&1 >/dev/full 2>/dev/null')).toBe('1\n');
    expect(shell('"$BD" list <&- >&- 2>&-; echo $?')).toBe('0\n');
    expect(program.handovers()).toEqual([]);
  });

  test('has the exit codes and the errors of the Node client', async () => {
    await bd(['q', 'First']);
    for (const args of [
      ['show', 't-none'],
      ['show', 't-none', '--json'],
      ['list', '--nonsense'],
      ['nonsense'],
    ]) {
      const native = await workspace.bd(args, { program: program.bd });
      expect(native).toEqual(await workspace.bd(args));
      expect(native.exitCode).not.toBe(0);
    }
    expect(program.handovers()).toEqual([]);
  });

  test('does nothing twice when the daemon is killed in the middle of commands', async () => {
    const over = new AbortController();
    const done: string[] = [];
    const workers = [0, 1, 2].map(async (worker) => {
      for (let index = 0; !over.signal.aborted; index += 1) {
        await bd(['q', `${worker}.${index}`]);
        done.push(`${worker}.${index}`);
      }
    });
    for (let kills = 0; kills < KILLS; kills += 1) {
      const before = done.length;
      await eventually(() => done.length > before);
      for (const pid of daemonsOf(workspace)) process.kill(pid, 'SIGKILL');
    }
    over.abort();
    await Promise.all(workers);
    const issues = JSON.parse(await bd(['list', '--limit', '0', '--json'])) as { title: string }[];
    expect(issues.map(({ title }) => title).sort()).toEqual(done.sort());
  }, 120_000);

  test('is reached through several links, in a directory with spaces', async () => {
    mkdirSync(workspace.sandbox.at('my bin'));
    mkdirSync(workspace.sandbox.at('other'));
    symlinkSync('../a package/bin/bd', workspace.sandbox.at('my bin/first'));
    symlinkSync(workspace.sandbox.at('my bin/first'), workspace.sandbox.at('other/second'));
    symlinkSync('other', workspace.sandbox.at('linked'));
    symlinkSync('linked/second', workspace.sandbox.at('bd'));
    await bd(['q', 'First'], { program: workspace.sandbox.at('bd') });
    symlinkSync(program.native, workspace.sandbox.at('native'));
    expect(await bd(['list'], { program: workspace.sandbox.at('native') })).toContain('First');
    expect(program.handovers()).toEqual([]);
  });

  test('leaves everything to Node with BD_CLIENT=node', async () => {
    expect(await bd(['q', 'First'], { env: { BD_CLIENT: 'node' } })).toMatch(/^t-/);
    expect(program.handovers()).toEqual([undefined]);
  });
});
