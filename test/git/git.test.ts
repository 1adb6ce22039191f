import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createGit } from '../../src/git/git.ts';
import { buildGitEnvironment } from '../../src/git/git-environment.ts';
import { eventually } from '../support/eventually.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let repository: string;
let gitDir: string;

beforeEach(() => {
  repository = join(sandbox.directory, 'repository');
  gitDir = join(repository, '.git');
  sandbox.git(sandbox.directory, 'init', '--quiet', '-b', 'main', repository);
  sandbox.git(repository, 'commit', '--quiet', '--allow-empty', '-m', 'start');
});

describe('a git call', () => {
  it('gives output and input byte for byte', async () => {
    const git = createGit({ gitDir, env: sandbox.env });
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 256));
    const written = await git.run(['hash-object', '-w', '--stdin'], { input: content });
    const read = await git.run(['cat-file', 'blob', written.stdout.toString().trim()]);
    expect(read.stdout.equals(content)).toBe(true);
  });

  it('takes empty input as input, and does not wait for more', async () => {
    const git = createGit({ gitDir, env: sandbox.env });
    const { exitCode, stdout } = await git.run(['hash-object', '--stdin']);
    expect({ exitCode, oid: stdout.toString().trim() }).toEqual({
      exitCode: 0,
      oid: 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391',
    });
  });

  it('names a program to merge with only where that is meant', async () => {
    const git = createGit({ gitDir, env: sandbox.env });
    const args = ['config', '--local', 'merge.beads.driver', 'program %A'];
    await expect(git.run(args)).rejects.toMatchObject({ code: 'SYNC_FAILED' });
    expect(sandbox.git(repository, 'config', '--local', '--list')).not.toContain(
      'merge.beads.driver',
    );
    expect(await git.run(args, { setsMergeDriver: true })).toMatchObject({ exitCode: 0 });
    expect(sandbox.git(repository, 'config', 'merge.beads.driver')).toContain('program %A');
    await expect(
      git.run(['config', '--local', 'core.pager', 'x'], { setsMergeDriver: true }),
    ).rejects.toMatchObject({ code: 'SYNC_FAILED' });
  });

  it('uses the index that a call names instead of the user’s', async () => {
    const git = createGit({ gitDir, directory: repository, env: sandbox.env });
    writeFileSync(join(repository, 'file'), 'content');
    const indexFile = join(gitDir, 'other-index');
    const before = sandbox.git(repository, 'status', '--porcelain');
    await git.run(['update-index', '--add', '--', 'file'], { indexFile });
    expect((await git.run(['ls-files'], { indexFile })).stdout.toString()).toBe('file\n');
    expect(sandbox.git(repository, 'status', '--porcelain')).toBe(before);
  });

  it('returns a refusal with its reason', async () => {
    const git = createGit({ gitDir, env: sandbox.env });
    const result = await git.run(['rev-parse', '--verify', 'no-such-ref']);
    expect(result.exitCode).toBe(128);
    expect(result.stderr).toContain('Needed a single revision');
  });

  it('sees no GIT_ variable of the process that started us', async () => {
    const elsewhere = join(sandbox.directory, 'elsewhere');
    const env = { ...sandbox.env, GIT_DIR: elsewhere, GIT_INDEX_FILE: elsewhere };
    const git = createGit({ gitDir, env });
    const { stdout } = await git.run(['rev-parse', '--absolute-git-dir']);
    expect(stdout.toString().trim()).toBe(gitDir);
  });

  it('runs no hook', async () => {
    const marker = join(sandbox.directory, 'ran');
    mkdirSync(join(gitDir, 'hooks'), { recursive: true });
    const hook = join(gitDir, 'hooks', 'reference-transaction');
    writeFileSync(hook, `#!/bin/sh\ntouch '${marker}'\nexit 1\n`);
    chmodSync(hook, 0o755);
    const git = createGit({ gitDir, env: sandbox.env });
    const { exitCode } = await git.run(['update-ref', 'refs/bd/sync', 'HEAD']);
    expect({ exitCode, ran: existsSync(marker) }).toEqual({ exitCode: 0, ran: false });
  });

  it('ends at its deadline with an error that says so, and all that it started ends with it', async () => {
    const ssh = join(sandbox.directory, 'slow-ssh');
    const pid = join(sandbox.directory, 'pid');
    // Deaf to a polite request, and behind git: what a hanging connection looks like.
    writeFileSync(ssh, `#!/bin/sh\ntrap '' TERM\necho $$ > '${pid}'\nwhile :; do sleep 1; done\n`);
    chmodSync(ssh, 0o755);
    sandbox.git(repository, 'config', 'core.sshCommand', ssh);
    const git = createGit({ gitDir, env: sandbox.env });
    const call = git.reach(['ls-remote', 'ssh://host.invalid/x.git'], { timeoutMs: 500 });
    await expect(call).rejects.toMatchObject({ code: 'GIT_TIMED_OUT' });
    const started = Number(readFileSync(pid, 'utf8'));
    await eventually(() => !isAlive(started));
  });

  it('that is stopped while it waits also ends the programs it started', async () => {
    const ssh = join(sandbox.directory, 'slow-ssh');
    const pid = join(sandbox.directory, 'pid');
    writeFileSync(ssh, `#!/bin/sh\necho $$ > '${pid}'\nexec sleep 60\n`);
    chmodSync(ssh, 0o755);
    sandbox.git(repository, 'config', 'core.sshCommand', ssh);
    const git = createGit({ gitDir, env: sandbox.env });
    const stop = new AbortController();
    const call = git.reach(['ls-remote', 'ssh://host.invalid/x.git'], { signal: stop.signal });
    const refused = expect(call).rejects.toMatchObject({ message: 'git ls-remote was stopped' });
    await eventually(() => existsSync(pid) && readFileSync(pid, 'utf8').endsWith('\n'));
    stop.abort();
    await refused;
    const started = Number(readFileSync(pid, 'utf8'));
    await eventually(() => !isAlive(started));
  });

  it('can be stopped', async () => {
    const git = createGit({ gitDir, env: sandbox.env });
    await expect(git.reach(['--version'], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      message: expect.stringContaining('was stopped'),
    });
  });

  it('names a git that is not there, and finds no repository without one', async () => {
    const env = { ...sandbox.env, PATH: sandbox.directory };
    const git = createGit({ gitDir, env });
    const refusal = {
      code: 'SYNC_FAILED',
      message: expect.stringContaining('git cannot be started'),
    };
    await expect(git.run(['--version'])).rejects.toMatchObject(refusal);
    await expect(git.reach(['--version'])).rejects.toMatchObject(refusal);
  });
});

describe('the environment of a git call', () => {
  it('cannot prompt, and keeps what reaches the remote', () => {
    const built = buildGitEnvironment({
      HOME: '/home/ann',
      SSH_AUTH_SOCK: '/run/agent',
      https_proxy: 'http://proxy',
      SSH_ASKPASS: '/usr/bin/ask',
      EDITOR: 'vi',
      GIT_CONFIG_COUNT: '1',
    });
    expect(built).toEqual({
      HOME: '/home/ann',
      SSH_AUTH_SOCK: '/run/agent',
      https_proxy: 'http://proxy',
      LC_ALL: 'C',
      GIT_TERMINAL_PROMPT: '0',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_ASKPASS: '',
      SSH_ASKPASS_REQUIRE: 'never',
      GCM_INTERACTIVE: 'never',
      GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oConnectTimeout=10',
    });
  });

  it.each([
    ['ssh -i key', 'ssh -i key -oBatchMode=yes -oConnectTimeout=10'],
    ['"/opt/my ssh/ssh" -v', '"/opt/my ssh/ssh" -v -oBatchMode=yes -oConnectTimeout=10'],
    ['plink.exe -batch', 'plink.exe -batch'],
  ])("adds to the user's own ssh command: %s", (command, expected) => {
    expect(buildGitEnvironment({ GIT_SSH_COMMAND: command })['GIT_SSH_COMMAND']).toBe(expected);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
