import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import { rememberStartFailure } from '../../src/client/daemon-notes.ts';
import { BdError } from '../../src/core/errors.ts';
import { writeCrashReport } from '../../src/client/crash-report.ts';
import { daemonPidOf } from '../support/daemon-processes.ts';
import { createTestWorkspace, type Run, type TestWorkspace } from '../support/test-workspace.ts';

interface Check {
  name: string;
  status: string;
  message: string;
  detail?: string;
  fix?: string;
}

interface Report {
  path: string;
  checks: Check[];
  overall_ok: boolean;
}

let workspace: TestWorkspace;
afterEach(() => workspace[Symbol.asyncDispose]());

async function doctor(options: Parameters<TestWorkspace['bd']>[1] = {}): Promise<Run & Report> {
  const run = await workspace.bd(['doctor', '--json'], options);
  return { ...run, ...(JSON.parse(run.stdout) as Report) };
}

/** What is not in order; the exit code has to say the same. */
async function findings(options: Parameters<TestWorkspace['bd']>[1] = {}): Promise<Check[]> {
  const { exitCode, checks, overall_ok: isOk } = await doctor(options);
  const wrong = checks.filter(({ status }) => status !== 'ok');
  expect(isOk).toBe(wrong.length === 0);
  expect(exitCode).toBe(wrong.length === 0 ? 0 : 1);
  return wrong;
}

/** Every file below, with all that a write would change. */
function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { size, mtimeMs, mode, ino } = lstatSync(join(directory, name));
      return `${name} ${size} ${mtimeMs} ${mode} ${ino}`;
    });
}

describe.each(['none', 'plain', 'with-remote'] as const)('a fresh workspace, git: %s', (git) => {
  beforeEach(async () => {
    workspace = await createTestWorkspace({ git, client: 'here' });
    await workspace.bdText(['init', '--prefix', 't']);
  });

  test('has nothing wrong, and is left as it is; no daemon is started', async () => {
    const before = [filesOf(workspace.directory), filesOf(workspace.home)];
    expect(await findings()).toEqual([]);
    expect((await workspace.bd(['doctor'])).stdout).toContain('Nothing is wrong.');
    expect([filesOf(workspace.directory), filesOf(workspace.home)]).toEqual(before);
  });

  test('has nothing wrong beside its daemon either', async () => {
    await workspace.bdText(['q', 'First']);
    await workspace.bdText(['sync']);
    const before = filesOf(workspace.beadsDir);
    const { checks } = await doctor();
    expect(checks.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(checks.find(({ name }) => name === 'Daemon')?.message).toContain('running (PID');
    expect(filesOf(workspace.beadsDir)).toEqual(before);
    await workspace.bdText(['daemon', 'stop']);
    expect(await findings()).toEqual([]);
  });
});

test('nothing is wrong in a linked worktree, nor from another directory', async () => {
  workspace = await createTestWorkspace({ client: 'here' });
  workspace.git('commit', '-q', '--allow-empty', '-m', 'Begin');
  workspace.git('worktree', 'add', '-q', '../linked');
  await workspace.bdText(['init', '--prefix', 't']);
  const { path } = await doctor({ cwd: join(workspace.root, 'linked') });
  expect(path).toBe(workspace.directory);
  const elsewhere = await workspace.bd(['doctor', workspace.directory], { cwd: workspace.home });
  expect(elsewhere.exitCode).toBe(0);
  const nowhere = await workspace.bd(['doctor', '--json'], { cwd: workspace.home });
  expect(JSON.parse(nowhere.stdout)).toMatchObject({ code: 'NO_WORKSPACE' });
});

describe('what is wrong is said, with the command that mends it', () => {
  beforeEach(async () => {
    workspace = await createTestWorkspace({ client: 'here' });
    await workspace.bdText(['init', '--prefix', 't']);
    await workspace.bdText(['q', 'First'], { env: { BEADS_NO_DAEMON: '1' } });
  });
  const inBeads = (name: string): string => join(workspace.beadsDir, name);

  test('a daemon that does not answer, in time', async () => {
    await workspace.bdText(['daemon', 'start']);
    const pid = daemonPidOf(workspace);
    process.kill(pid, 'SIGSTOP');
    const [wrong, ...more] = await findings();
    expect(more).toEqual([]);
    expect(wrong).toMatchObject({ name: 'Daemon', status: 'error', fix: 'bd daemon stop --force' });
    expect(wrong?.message).toBe(
      `the daemon did not answer: it said nothing for 2 s (process ${pid})`,
    );
    const { stderr } = await workspace.bd(['list']);
    expect(stderr).toContain('run `bd daemon stop --force`');
    await workspace.bdText(['daemon', 'stop', '--force']);
    expect(await findings()).toEqual([]);
    expect(await workspace.bdText(['daemon', 'health'])).toBe('No daemons.\n');
  });

  test('a failed start and a crash', async () => {
    const failure = { message: 'no room', remedy: 'Make some.' };
    await rememberStartFailure(
      new WorkspacePlace(workspace.beadsDir),
      new BdError('DAEMON_UNAVAILABLE', failure),
    );
    writeCrashReport(new WorkspacePlace(workspace.beadsDir), new Error('boom'), {
      nowMs: Date.now(),
      version: '1.0.0',
    });
    const wrong = await findings();
    expect(wrong).toMatchObject([
      {
        name: 'Daemon',
        message: expect.stringContaining('no room') as string,
        detail: 'Make some.',
      },
      { name: 'Crashes', message: expect.stringContaining('boom') as string },
    ]);
    expect(wrong[1]?.fix).toBe(`rm ${inBeads('daemon.crash')}`);
  });

  test.each([
    ['damaged', 'restart'],
    ['newer', 'npm install'],
    ['foreign', 'restart'],
  ])('a store that is %s', async (kind, fix) => {
    const content = readFileSync(inBeads('beads.db'));
    if (kind === 'damaged') content.fill(0x5a, 4096 * 2, 4096 * 12);
    if (kind === 'newer') content.writeUInt32BE(99, 60);
    if (kind === 'foreign') content.writeUInt32BE(7, 68);
    writeFileSync(inBeads('beads.db'), content);
    const [wrong, ...more] = await findings();
    expect(more).toEqual([]);
    expect(wrong).toMatchObject({ name: 'Store', fix: expect.stringContaining(fix) as string });
    expect(readFileSync(inBeads('beads.db'))).toEqual(content);
    expect(readdirSync(workspace.beadsDir).filter((name) => name.includes('aside'))).toEqual([]);
  });

  test('a store that was put aside is named, and is no warning', async () => {
    writeFileSync(
      inBeads('beads.db'),
      'no database at all, but a text that is long enough to be read',
    );
    await workspace.bd(['list'], { env: { BEADS_NO_DAEMON: '1' } });
    const { exitCode, checks } = await doctor();
    expect(checks.find(({ name }) => name === 'Kept aside')?.message).toMatch(
      /beads\.db-aside-\d+/,
    );
    expect(exitCode).toBe(0);
  });

  test('a mirror with conflict markers, or with lines that cannot be read', async () => {
    const mirror = inBeads('beads.jsonl');
    const good = readFileSync(mirror, 'utf8');
    writeFileSync(mirror, `<<<<<<< ours\n${good}=======\n${good}>>>>>>> theirs\n`);
    expect(await findings()).toMatchObject([{ name: 'Mirror', fix: 'bd sync' }]);
    writeFileSync(mirror, `${good}{"id": broken\n`);
    const [wrong] = await findings();
    expect(wrong?.message).toContain('line 2');
    await workspace.bd(['sync'], { env: { BEADS_NO_DAEMON: '1' } });
    const [kept] = await findings();
    expect(kept?.name).toBe('Kept aside');
    expect(kept?.fix).toMatch(/^bd import -i .*quarantine/);
  });

  test('settings that cannot be used', async () => {
    appendFileSync(inBeads('config.yaml'), 'sync:\n  quiet_ms: soon\n');
    expect(await findings()).toMatchObject([
      { name: 'Settings', status: 'error', fix: 'bd config unset sync.quiet_ms' },
    ]);
  });

  test('settings that nobody can read: bd’s and git’s', async () => {
    const edits = (path: string): unknown =>
      expect.objectContaining({ status: 'error', fix: `\${EDITOR:-vi} ${path}` });
    writeFileSync(inBeads('config.yaml'), 'daemon: [\n');
    const [wrong, ...more] = await findings();
    expect(wrong).toEqual(edits(inBeads('config.yaml')));
    expect(wrong?.message).not.toMatch(/:$/);
    expect(more).toEqual([]);
    rmSync(inBeads('config.yaml'));
    mkdirSync(inBeads('config.yaml'));
    expect(await findings()).toEqual([edits(inBeads('config.yaml'))]);
    expect((await findings())[0]?.message).toContain('directory');
    rmdirSync(inBeads('config.yaml'));
    const settings = join(workspace.directory, '.git/config');
    appendFileSync(settings, '[broken\n');
    const [git, ...others] = await findings();
    expect(git).toEqual(edits(settings));
    expect(git?.message).toMatch(/bad config .*line \d+/);
    expect(others).toEqual([]);
  });

  test('the remote is named, and that there is none', async () => {
    const remoteIn = async (): Promise<unknown> =>
      (await doctor()).checks.find(({ name }) => name === 'Remote')?.message;
    expect(await remoteIn()).toBe('none');
    workspace.git('remote', 'add', 'upstream', join(workspace.root, 'remote.git'));
    expect(await remoteIn()).toBe('upstream');
  });

  test('a file that is a link, and a file that is none', async () => {
    rmSync(inBeads('beads.jsonl'));
    symlinkSync('/etc/passwd', inBeads('beads.jsonl'));
    const [wrong] = await findings();
    expect(wrong).toMatchObject({ name: 'Files', fix: `rm ${inBeads('beads.jsonl')}` });
    expect(wrong?.message).toContain('/etc/passwd');
    rmSync(inBeads('beads.jsonl'));
    mkdirSync(inBeads('beads.jsonl'));
    expect(await findings()).toMatchObject([{ name: 'Mirror', status: 'error' }]);
  });

  test('a socket that bd did not make, whatever it is', async () => {
    const link = inBeads('bd.sock');
    symlinkSync('/tmp/somebody/else.sock', link);
    expect(await findings()).toMatchObject([{ name: 'Socket', fix: `rm ${link}` }]);
    rmSync(link);
    writeFileSync(link, '');
    expect(await findings()).toMatchObject([{ name: 'Socket', fix: `rm ${link}` }]);
    rmSync(link);
    mkdirSync(link);
    expect(await findings()).toMatchObject([{ name: 'Socket', fix: `rm -r ${link}` }]);
  });

  test('a runtime directory that others can enter, or that is none', async () => {
    const directory = join(workspace.runtimeDir, 'bd');
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    expect(await findings()).toMatchObject([
      { name: 'Runtime directory', fix: `chmod 700 ${directory}` },
    ]);
    rmSync(directory, { recursive: true });
    symlinkSync(workspace.home, directory);
    const [wrong] = await findings();
    expect(wrong?.message).toContain('is not a directory');
    chmodSync(workspace.runtimeDir, 0o777);
    const [open] = await findings();
    expect(open).toMatchObject({ fix: `chmod 700 ${workspace.runtimeDir}` });
    expect(open?.message).toContain('is writable by everyone');
    chmodSync(workspace.runtimeDir, 0o700);
  });

  test('a registry that cannot be used', async () => {
    mkdirSync(join(workspace.home, '.beads'), { recursive: true });
    writeFileSync(join(workspace.home, '.beads/registry.json'), '{');
    expect(await findings()).toMatchObject([{ name: 'Registry', status: 'warning' }]);
  });

  test('sharing that fails, without a daemon and with one', async () => {
    const remote = join(workspace.root, 'remote.git');
    workspace.git('init', '-q', '--bare', remote);
    const hook = join(remote, 'hooks/pre-receive');
    writeFileSync(hook, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    workspace.git('remote', 'add', 'origin', remote);
    await workspace.bd(['sync'], { env: { BEADS_NO_DAEMON: '1' } });
    for (const command of [[], ['sync']]) {
      if (command.length > 0) await workspace.bd(command);
      const wrong = await findings();
      expect(wrong).toMatchObject([{ name: 'Sharing', fix: 'bd sync' }]);
      expect(wrong[0]?.message).toContain('origin');
    }
  });

  test('a remote that only the settings name, and settings of git that come with the files', async () => {
    appendFileSync(inBeads('config.yaml'), 'sync:\n  remote: "ext::sh -c touch% /tmp/ran"\n');
    expect(await findings()).toMatchObject([
      { name: 'Remote', fix: 'bd config unset sync.remote' },
    ]);
    writeFileSync(inBeads('config.yaml'), '');
    writeFileSync(join(workspace.directory, 'gitconfig'), '[core]\n\tsshCommand = touch ran\n');
    workspace.git('config', 'include.path', '../gitconfig');
    const [wrong] = await findings();
    expect(wrong).toMatchObject({
      name: 'Settings of git',
      fix: 'git config --local --unset include.path',
    });
  });

  test('programs that the person’s own git settings name are no warning, and none is run', async () => {
    const ran = join(workspace.root, 'ran');
    for (const key of [
      'core.fsmonitor',
      'core.sshCommand',
      'filter.x.clean',
      'credential.helper',
    ]) {
      workspace.git('config', key, `touch ${ran} #`);
    }
    workspace.git('config', 'core.hooksPath', '.husky');
    const { exitCode, checks } = await doctor();
    expect(exitCode).toBe(0);
    const { message } = checks.find(({ name }) => name === 'Settings of git') ?? { message: '' };
    expect(message).toContain('bd ignores core.fsmonitor, core.hookspath, filter.x.clean');
    expect(message).toContain('core.sshcommand, credential.helper');
    expect(existsSync(ran)).toBe(false);
  });

  test('a bare repository among the files', async () => {
    for (const name of ['objects', 'refs']) mkdirSync(join(workspace.directory, name));
    writeFileSync(join(workspace.directory, 'HEAD'), 'ref: refs/heads/main\n');
    expect(await findings()).toMatchObject([{ name: 'Repository' }]);
  });

  test('a clone in which git does not know how to merge issues', async () => {
    await workspace.bdText(['migrate', '--to', 'worktree'], { env: { BEADS_NO_DAEMON: '1' } });
    expect(await findings()).toEqual([]);
    workspace.git('config', '--unset', 'merge.beads.driver');
    expect(await findings()).toMatchObject([{ name: 'Merging', fix: 'bd init' }]);
    await workspace.bdText(['init']);
    expect(await findings()).toEqual([]);
  });
});
