import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LOCAL_COMMAND_REASON } from '../../src/client/handover.ts';
import { acquireKernelLock } from '../../src/platform/kernel-lock.ts';
import {
  createNativeWorkspace,
  isNativeBuilt,
  type NativePackage,
} from '../support/native-package.ts';
import { type RunOptions, type TestWorkspace } from '../support/test-workspace.ts';

// What the native client leaves to the Node client, and that it says why: each row is one reason.

interface Case {
  args?: string[];
  options?: (workspace: TestWorkspace) => RunOptions;
  /** Done to the workspace, whose daemon does not run, before the command. */
  arrange?: (workspace: TestWorkspace) => void;
  reason: string;
}

const fileIn =
  (name: string, text: string) =>
  ({ beadsDir }: TestWorkspace): void =>
    writeFileSync(join(beadsDir, name), text);

const withVariable = (name: string, value: string): Case => ({
  options: () => ({ env: { [name]: value } }),
  reason: `${name} is set`,
});

const withFlags = (...args: string[]): Case => ({
  args: ['list', ...args],
  reason: 'a flag says where or how to run it',
});

const local = (...args: string[]): Case => ({ args, reason: LOCAL_COMMAND_REASON });

const CASES: Record<string, Case> = {
  'no command': local(),
  'a command about the program': local('version'),
  'a command about daemons': local('daemon', 'status'),
  'help for a command': local('help', 'list'),
  'a local command behind a flag with a value': local('--actor', 'ann', 'version'),
  '--version': { args: ['--version'], reason: 'a flag says where or how to run it' },
  BEADS_DIR: { ...withVariable('BEADS_DIR', '.beads') },
  BEADS_DB: { ...withVariable('BEADS_DB', '.beads/beads.db') },
  BEADS_NO_DAEMON: withVariable('BEADS_NO_DAEMON', '1'),
  CI: withVariable('CI', 'true'),
  BEADS_AUTO_START_DAEMON: withVariable('BEADS_AUTO_START_DAEMON', 'false'),
  '--db': withFlags('--db', '.beads'),
  '--db=': withFlags('--db=.beads'),
  '-C': { args: ['-C', '.', 'list'], reason: 'a flag says where or how to run it' },
  '--directory': withFlags('--directory', '.'),
  '--no-daemon': withFlags('--no-daemon'),
  '--sandbox': withFlags('--sandbox'),
  'a redirect': { arrange: fileIn('redirect', '.beads\n'), reason: '`.beads` has a redirect' },
  'no workspace': {
    options: ({ root }) => ({ cwd: root }),
    reason: 'there is no workspace here',
  },
  'a repository inside that has no workspace': {
    arrange: ({ directory }) => mkdirSync(join(directory, 'inner/.git'), { recursive: true }),
    options: ({ directory }) => ({ cwd: join(directory, 'inner') }),
    reason: 'this repository has no workspace',
  },
  'a path that is not ASCII': {
    arrange: ({ directory }) => mkdirSync(join(directory, 'größe')),
    options: ({ directory }) => ({ cwd: join(directory, 'größe') }),
    reason: "the directory's path is not ASCII",
  },
  'a daemon that is off': { arrange: fileIn('daemon.off', '{}'), reason: 'the daemon is off' },
  'a daemon that failed to start': {
    arrange: fileIn('daemon.failed', '{}'),
    reason: 'the daemon did not start before',
  },
  'a setting': {
    arrange: fileIn('config.yaml', 'daemon:\n  auto_start: false\n'),
    reason: 'daemon.auto_start may be set',
  },
  'a setting that YAML writes in another way': {
    arrange: fileIn('config.yaml', '"daemon.auto\\u005fstart": false\n'),
    reason: 'daemon.auto_start may be set',
  },
  'a setting in the environment': {
    options: () => ({ env: { BD_DAEMON_AUTO_START: 'false' } }),
    reason: 'daemon.auto_start may be set',
  },
  'another tool’s workspace': {
    arrange: fileIn('metadata.json', '{"database":"beads.db"}'),
    reason: "the workspace is another tool's",
  },
  'a link among the files': {
    arrange: ({ beadsDir }) => symlinkSync('elsewhere', join(beadsDir, 'daemon.log')),
    reason: '`.beads` has a link in it',
  },
  'a `.beads` that cannot be a lock’s place': {
    arrange({ beadsDir }) {
      writeFileSync(join(beadsDir, 'daemon.lock.start'), '');
      utimesSync(join(beadsDir, 'daemon.lock.start'), 0, 0);
    },
    reason: "another client's start takes long",
  },
  'a `node` that is a script': {
    arrange({ root }) {
      mkdirSync(join(root, 'shims'));
      writeFileSync(join(root, 'shims/node'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`);
      chmodSync(join(root, 'shims/node'), 0o755);
    },
    options: ({ root, env }) => ({ env: { PATH: `${join(root, 'shims')}:${env['PATH']}` } }),
    reason: '`node` on PATH is not Node itself',
  },
  'a submodule': {
    arrange({ directory, root }) {
      renameSync(join(directory, '.git'), join(root, 'moved.git'));
      writeFileSync(join(directory, '.git'), `gitdir: ${join(root, 'moved.git')}\n`);
    },
    reason: "`.git` is not a linked worktree's",
  },
};

describe.skipIf(!isNativeBuilt)('the native client hands over', () => {
  let workspace: TestWorkspace;
  let program: NativePackage;
  beforeEach(async () => {
    ({ workspace, program } = await createNativeWorkspace('package'));
  });
  afterEach(() => workspace[Symbol.asyncDispose]());

  test.each(Object.entries(CASES))(
    '%s',
    async (_, { args = ['list'], options, arrange, reason }) => {
      arrange?.(workspace);
      const given = options?.(workspace) ?? {};
      const run = await workspace.bd(args, { ...given, program: program.native });
      expect(program.handovers()).toEqual([{ reason }]);
      const byNode = await workspace.bd(args, given);
      expect(run.stdout).toBe(byNode.stdout);
      expect(run.exitCode).toBe(byNode.exitCode);
    },
  );

  test('a word that is not UTF-8', () => {
    execFileSync('sh', ['-c', `exec '${program.native}' q "$(printf 'caf\\351')"`], {
      cwd: workspace.directory,
      env: workspace.env,
    });
    expect(program.handovers()).toEqual([{ reason: 'a word or a variable is not UTF-8' }]);
  });

  test('a directory that is gone', () => {
    const script = `mkdir gone && cd gone && rmdir ../gone && exec '${program.native}' list`;
    const run = (): unknown =>
      execFileSync('sh', ['-c', script], {
        cwd: workspace.directory,
        env: workspace.env,
        stdio: 'pipe',
      });
    expect(run).toThrow(/the current directory is gone/);
    expect(program.handovers()).toEqual([{ reason: 'the current directory is gone' }]);
  });

  test('a workspace that another process holds: Node does not wait for it once more', async () => {
    const lock = await acquireKernelLock(join(workspace.beadsDir, 'daemon.lock'), { waitMs: 0 });
    const run = await workspace.bd(['list'], { program: program.native });
    lock?.release();
    const reason = 'another process holds the workspace';
    expect(program.handovers()).toEqual([{ reason, busyMs: expect.any(Number) }]);
    expect(run.stderr).toMatch(/no daemon for .* another process holds it and does not listen/);
    expect(run.exitCode).toBe(5);
  });

  test('and nothing else inherits that it did', async () => {
    await workspace.bdText(['q', 'First'], {
      env: { BEADS_AUTO_START_DAEMON: 'true' },
      program: program.native,
    });
    const text = execFileSync('cat', [`/proc/${workspace.daemonPid()}/environ`], {
      encoding: 'utf8',
    });
    expect(program.handovers()).toHaveLength(1);
    expect(text).not.toContain('HANDOVER');
  });

  test('without Node, it says so', () => {
    rmSync(workspace.sandbox.at('package/dist'), { recursive: true });
    const run = (): unknown =>
      execFileSync(program.native, ['version'], {
        cwd: workspace.directory,
        env: { PATH: '/nowhere' },
        stdio: 'pipe',
      });
    expect(run).toThrow(/cannot run node: No such file or directory/);
  });
});
