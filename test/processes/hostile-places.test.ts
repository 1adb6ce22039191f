import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { workspaceKey } from '../../src/place/socket-link.ts';
import { eventually } from '../support/eventually.ts';
import { BD, createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

let workspace: TestWorkspace;
const servers: Server[] = [];
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'with-remote', client: 'here' });
});
afterEach(async () => {
  await workspace[Symbol.asyncDispose]();
  for (const server of servers.splice(0)) server.close();
});

const pathOf = (name: string): string => join(workspace.beadsDir, name);

/** Somebody who listens, and what was said to him. */
async function eavesdrop(path: string): Promise<{ heard: () => string }> {
  let text = '';
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (piece) => (text += String(piece)));
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(path, done));
  return { heard: () => text };
}

/** A program that leaves its name behind when it is run. */
function canary(name: string): string {
  const path = join(workspace.root, `canary-${name.replaceAll(/[^\w.-]/g, '_')}`);
  writeFileSync(path, `#!/bin/sh\necho '${name}' >> '${workspace.root}/ran'\nexit 0\n`);
  chmodSync(path, 0o755);
  return path;
}

/** What `bd doctor` has to say against the place; it ends with 1 then. */
async function warnings(): Promise<string> {
  const { exitCode, stdout } = await workspace.bd(['doctor', '--json']);
  expect(exitCode).toBe(1);
  const { checks } = JSON.parse(stdout) as { checks: { status: string; message: string }[] };
  return checks.flatMap(({ status, message }) => (status === 'ok' ? [] : [message])).join('\n');
}

const whatRan = (): string =>
  existsSync(join(workspace.root, 'ran')) ? readFileSync(join(workspace.root, 'ran'), 'utf8') : '';

describe('a planted bd.sock', () => {
  beforeEach(() => workspace.bdText(['init', '--prefix', 't']));

  test('that leads to a socket in the repository is not spoken to, and work goes on', async () => {
    const { heard } = await eavesdrop(join(workspace.root, 'evil.sock'));
    symlinkSync('../../evil.sock', pathOf('bd.sock'));
    expect(await warnings()).toMatch(/bd\.sock leads to .*evil\.sock, which bd did not make/);
    expect(await workspace.bdText(['q', 'A secret plan'])).toMatch(/^t-/);
    expect(await workspace.bdText(['list'])).toContain('A secret plan');
    expect(heard()).toBe('');
  });

  test('that is a socket itself is not spoken to', async () => {
    const { heard } = await eavesdrop(pathOf('bd.sock'));
    expect(await warnings()).toMatch(/bd\.sock is not a link, so bd did not make it/);
    expect(await workspace.bdText(['q', 'A secret plan'])).toMatch(/^t-/);
    expect(heard()).toBe('');
  });

  const plant = {
    file: (path: string): void => writeFileSync(path, 'of the repository\n'),
    directory(path: string): void {
      mkdirSync(path);
      writeFileSync(join(path, 'file'), 'of the repository\n');
    },
  };
  test.each(Object.entries(plant))(
    'that is a %s is left as it is, and work goes on',
    async (_, put) => {
      put(pathOf('bd.sock'));
      const quiet = await workspace.bd(['q', 'A secret plan']);
      expect(quiet).toMatchObject({ exitCode: 0, stderr: '' });
      const refused = await workspace.bd(['daemon', 'start']);
      expect(refused.exitCode).toBe(5);
      expect(refused.stderr).toContain('bd.sock is not a link');
      const served = await workspace.bd(['daemon', 'run'], { program: BD });
      expect(served.stderr).toContain('bd.sock is not a link');
      const left = lstatSync(pathOf('bd.sock'));
      expect(left.isFile() || left.isDirectory()).toBe(true);
      expect(existsSync(pathOf('daemon.crash'))).toBe(false);
    },
  );

  test('that takes the place of a running daemon’s link ends that daemon, and is no crash', async () => {
    await workspace.bdText(['q', 'First']);
    const pid = workspace.daemonPid();
    rmSync(pathOf('bd.sock'));
    plant.directory(pathOf('bd.sock'));
    await eventually(() => !existsSync(`/proc/${pid}`), { deadlineMs: 40_000 });
    expect(existsSync(pathOf('daemon.crash'))).toBe(false);
    expect(readFileSync(pathOf('daemon.log'), 'utf8')).toContain('bd.sock is not a link');
    expect(await workspace.bdText(['list'])).toContain('First');
    expect(existsSync(join(pathOf('bd.sock'), 'file'))).toBe(true);
  });

  test('that leads to a directory with the right name in the repository is not spoken to', async () => {
    const directory = join(workspace.root, 'bd');
    // Git keeps no mode of a directory: one that came with a clone is open to others.
    mkdirSync(directory, { mode: 0o755 });
    const path = join(directory, `${workspaceKey(workspace)}-00000000.sock`);
    const { heard } = await eavesdrop(path);
    symlinkSync(path, pathOf('bd.sock'));
    expect(await warnings()).toMatch(/bd\.sock leads to .*, which bd did not make/);
    expect(await workspace.bdText(['q', 'A secret plan'])).toMatch(/^t-/);
    expect(heard()).toBe('');
  });

  test.skipIf(process.getuid?.() !== 0)(
    'that leads to a socket of another owner is not spoken to (needs root to make one)',
    async () => {
      const directory = join(workspace.runtimeDir, 'bd');
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const path = join(directory, `${workspaceKey(workspace)}-00000000.sock`);
      const { heard } = await eavesdrop(path);
      symlinkSync(path, pathOf('bd.sock'));
      for (const foreign of [path, directory]) {
        lchownSync(foreign, 12_345, 12_345);
        expect(await warnings()).toContain(foreign);
        expect(await workspace.bdText(['q', 'A secret plan'])).toMatch(/^t-/);
        lchownSync(foreign, 0, 0);
      }
      expect(heard()).toBe('');
    },
  );
});

test('a runtime directory in which everybody can write holds no socket', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  chmodSync(workspace.runtimeDir, 0o777);
  expect(await warnings()).toContain(workspace.runtimeDir);
  expect(await workspace.bdText(['q', 'First'])).toMatch(/^t-/);
  expect(readdirSync(workspace.runtimeDir)).toEqual([]);
  chmodSync(workspace.runtimeDir, 0o700);
});

test.each(['beads.jsonl', 'beads.db', 'daemon.log', 'daemon.log.1', 'daemon.crash', 'config.yaml'])(
  '%s as a link out of the repository: nothing is written through it, by no command',
  async (name) => {
    await workspace.bdText(['init', '--prefix', 't']);
    const victim = join(workspace.root, 'victim');
    writeFileSync(victim, 'mine\n');
    rmSync(pathOf(name), { force: true });
    symlinkSync('../../victim', pathOf(name));
    const commands = [
      ['q', 'Title'],
      ['sync'],
      ['config', 'set', 'issue_prefix', 'x'],
      ['--no-daemon', 'q', 'Title'],
      ['export', '-o', join(workspace.root, 'copy.jsonl')],
      ['daemon', 'start'],
      ['init', '--prefix', 'x'],
    ];
    expect(await warnings()).toContain(`${pathOf(name)} is a symbolic link to ../../victim`);
    for (const args of commands) await workspace.bd(args);
    expect(readFileSync(victim, 'utf8')).toBe('mine\n');
  },
);

/** All keys of git that name a program and that bd has no use for. */
const PROGRAM_KEYS = [
  'core.fsmonitor',
  'core.askPass',
  'core.editor',
  'core.pager',
  'core.alternateRefsCommand',
  'sequence.editor',
  'gpg.program',
  'gpg.ssh.program',
  'gpg.ssh.defaultKeyCommand',
  'diff.external',
  'diff.c.command',
  'diff.c.textconv',
  'interactive.diffFilter',
  'filter.c.clean',
  'filter.c.smudge',
  'filter.c.process',
  'merge.c.driver',
  'alias.fetch',
  'alias.push',
  'alias.commit-tree',
  'alias.update-ref',
  'pager.fetch',
  'uploadpack.packObjectsHook',
  'man.c.cmd',
  'trailer.c.command',
];

/** A line of git's configuration, with its section. */
function setting(key: string, value: string): string {
  const [section = '', ...rest] = key.split('.');
  const name = rest.pop() ?? '';
  const subsection = rest.length === 0 ? '' : ` "${rest.join('.')}"`;
  return `[${section}${subsection}]\n\t${name} = "${value}"\n`;
}

const HOOKS = [
  'reference-transaction',
  'post-index-change',
  'pre-push',
  'pre-commit',
  'post-commit',
  'post-checkout',
  'post-merge',
  'pre-auto-gc',
  'fsmonitor-watchman',
];

describe('a repository that would have programs run', () => {
  beforeEach(() => {
    const settings = PROGRAM_KEYS.map((key) => setting(key, canary(key)));
    // With `!`, git gives an alias to the shell.
    settings.push(setting('alias.config', `!${canary('alias.config')}`));
    for (const key of ['commit.gpgSign', 'push.gpgSign', 'tag.gpgSign']) {
      settings.push(setting(key, 'true'));
    }
    settings.push(setting('core.hooksPath', 'hooks'));
    appendFileSync(join(workspace.directory, '.git/config'), settings.join(''));
    // All of them are there.
    expect(workspace.git('config', '--get', 'filter.c.clean')).toBe(canary('filter.c.clean'));
    mkdirSync(join(workspace.directory, 'hooks'));
    for (const hook of HOOKS) {
      for (const place of ['hooks', '.git/hooks']) {
        cpSync(canary(`hook ${hook}`), join(workspace.directory, place, hook));
      }
    }
    rmSync(join(workspace.root, 'ran'), { force: true });
  });

  test.each([
    ['branch', '* filter=c merge=c diff=c\n'],
    // A filter makes this mode refuse to share: it would have to run it.
    ['checked-out', '* merge=c diff=c\n'],
  ])(
    'by its git configuration, its attributes or its hooks: none runs, in mode %s',
    async (mode, attributes) => {
      writeFileSync(join(workspace.directory, '.gitattributes'), attributes);
      await workspace.bdText(['init', '--prefix', 't', '--mode', mode]);
      for (const daemon of [[], ['--no-daemon']]) {
        await workspace.bdText(['q', 'Title', ...daemon]);
        // It has to get as far as the remote, or nothing is shown.
        await workspace.bdText(['sync', ...daemon]);
        await workspace.bdText(['list', ...daemon]);
        await workspace.bdText(['status', ...daemon]);
      }
      expect(whatRan()).toBe('');
    },
  );

  test('by an included file of the working tree: none runs', async () => {
    cpSync(join(workspace.directory, '.git/config'), join(workspace.directory, 'shared.gitconfig'));
    workspace.git('config', 'include.path', '../shared.gitconfig');
    await workspace.bdText(['init', '--prefix', 't']);
    await workspace.bdText(['q', 'Title']);
    await workspace.bdText(['sync']);
    expect(await warnings()).toContain('shared.gitconfig');
    expect(whatRan()).toBe('');
  });

  test('by a URL that names one: it is refused', async () => {
    await workspace.bdText(['init', '--prefix', 't']);
    workspace.git('config', `url.ext::${canary('ext')} .insteadOf`, dirname(workspace.remote));
    await workspace.bdText(['q', 'Title']);
    const synced = await workspace.bd(['sync', '--json']);
    expect(synced.exitCode).toBe(1);
    expect(synced.stdout).toMatch(/transport 'ext' not allowed|protocol/);
    expect(await warnings()).toMatch(/transport 'ext' not allowed|protocol/);
    expect(whatRan()).toBe('');
  });

  test('by .beads/config.yaml: a remote that is a program or a path is refused, and other keys name none', async () => {
    await workspace.bdText(['init', '--prefix', 't']);
    const program = canary('config.yaml');
    for (const remote of [`ext::${program}`, `--upload-pack=${program}`, workspace.remote]) {
      const keys = ['editor', 'pager', 'hooks', 'git', 'sync.command', 'actor'];
      const settings = keys.map((key) => `${key}: "!${program}"\n`).join('');
      writeFileSync(
        pathOf('config.yaml'),
        `issue-prefix: t\nsync.remote: "${remote}"\n${settings}`,
      );
      await workspace.bd(['daemon', 'stop']);
      await workspace.bd(['q', 'Title']);
      const synced = await workspace.bd(['sync', '--json']);
      expect(synced.exitCode).toBe(1);
      expect(synced.stdout + synced.stderr).toContain('no remote of that name');
      expect(await warnings()).toContain(remote);
    }
    expect(whatRan()).toBe('');
  });
});

test('the daemon has nothing of the shell that started it but what git and ssh need', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  const env = {
    GIT_DIR: '/nowhere',
    GIT_INDEX_FILE: '/nowhere/index',
    AWS_SECRET_ACCESS_KEY: 'swordfish',
    GITHUB_TOKEN: 'swordfish',
    NODE_OPTIONS: '--max-http-header-size=20000',
    BEADS_ACTOR: 'swordfish',
    CLAUDECODE: '1',
  };
  await workspace.bdText(['q', 'First'], { env });
  await eventually(() => workspace.daemonPid() !== undefined);
  const seen = readFileSync(`/proc/${workspace.daemonPid()}/environ`, 'utf8').split('\0');
  const names = seen.map((entry) => entry.split('=')[0] ?? '').filter(Boolean);
  expect(seen.join('\n')).not.toContain('swordfish');
  expect(names.filter((name) => /^(GIT_|NODE_|BEADS_|BD_|CLAUDE)/.test(name))).toEqual([]);
  expect(names).toEqual(expect.arrayContaining(['HOME', 'PATH', 'XDG_RUNTIME_DIR']));
});
