import { spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import { rememberStartFailure } from '../../src/client/daemon-notes.ts';
import { BdError } from '../../src/core/errors.ts';
import { VERSION } from '../../src/core/version.ts';
import { workspaceKey } from '../../src/place/socket-link.ts';
import { daemonPidOf, isAlive } from '../support/daemon-processes.ts';
import { eventually } from '../support/eventually.ts';
import {
  createTestWorkspace,
  type TestProject,
  type TestWorkspace,
} from '../support/test-workspace.ts';

interface Health {
  healthy: boolean;
  total: number;
  healthy_count: number;
  issues: { workspace: string; issue: string; recommendation: string; daemon_version: string }[];
}

let workspace: TestWorkspace;
let second: TestProject;
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'none', clones: 2, client: 'here' });
  const [, other] = workspace.clones;
  if (other === undefined) throw new Error('two clones');
  second = other;
  for (const project of workspace.clones) await project.bdText(['init', '--prefix', 't']);
});
afterEach(() => workspace[Symbol.asyncDispose]());

/** A daemon for each, which is registered. */
async function serve(...projects: TestProject[]): Promise<void> {
  for (const project of projects) await project.bdText(['q', 'First']);
  await eventually(() => registered().length === projects.length, { what: 'registered' });
}

const registryPath = (): string => join(workspace.home, '.beads/registry.json');

function registered(): Record<string, unknown>[] {
  try {
    return JSON.parse(readFileSync(registryPath(), 'utf8')) as Record<string, unknown>[];
  } catch {
    return [];
  }
}

/** From a directory that is no workspace: no command about the fleet needs one. */
const fleet = (...args: string[]) =>
  workspace.bd(['daemons', ...args, '--json'], { cwd: workspace.home });

async function health(): Promise<{ exitCode: number; report: Health }> {
  const { exitCode, stdout } = await fleet('health');
  return { exitCode, report: JSON.parse(stdout) as Health };
}

async function pids(): Promise<number[]> {
  const list = JSON.parse((await fleet('list')).stdout) as { pid: number }[];
  return list.map(({ pid }) => pid);
}

test('a wedged daemon holds up no list; it is named, and ended only when that is asked for', async () => {
  await serve(workspace, second);
  const pid = daemonPidOf(second);
  process.kill(pid, 'SIGSTOP');
  const { exitCode, report } = await health();
  expect(exitCode).toBe(1);
  expect(report).toMatchObject({ healthy: false, total: 2, healthy_count: 1, unresponsive: 1 });
  expect(report.issues).toEqual([
    {
      workspace: second.directory,
      issue: 'unresponsive',
      detail: expect.stringContaining('said nothing') as string,
      daemon_version: VERSION,
      cli_version: VERSION,
      recommendation: `bd daemons stop --force ${second.directory}`,
    },
  ]);
  const refused = await fleet('stop', second.directory);
  expect(refused.exitCode).toBe(5);
  expect(refused.stderr).toContain(String(pid));
  expect(refused.stderr).toContain('--force');
  expect(isAlive(pid)).toBe(true);
  const killed = await fleet('stop', '--force', String(pid));
  expect(JSON.parse(killed.stdout)).toEqual({ workspace: second.directory, pid, stopped: true });
  expect(isAlive(pid)).toBe(false);
  expect((await health()).report).toMatchObject({ healthy: true, total: 1 });
  expect(await second.bdText(['list'])).toContain('First');
}, 60_000);

test('bd daemon stop --force ends the wedged daemon of this workspace, and nothing was lost', async () => {
  await serve(second);
  const pid = daemonPidOf(second);
  process.kill(pid, 'SIGSTOP');
  expect((await second.bd(['daemon', 'stop'])).exitCode).toBe(5);
  expect(isAlive(pid)).toBe(true);
  expect(await second.bdJson(['daemon', 'stop', '--force'])).toEqual({ stopped: true, pid });
  expect(isAlive(pid)).toBe(false);
  expect(await second.bdText(['list'])).toContain('First');
});

test('what only claims to be a daemon is never signalled', async () => {
  await serve(second);
  const pid = daemonPidOf(second);
  process.kill(pid, 'SIGKILL');
  await eventually(() => !isAlive(pid));
  // Listens where the daemon did and says nothing: another program of ours, and one whose command line
  // is a daemon's of another workspace.
  const listen = `require('node:net').createServer().listen(process.argv.at(-1), () => console.log('up'))`;
  const program = join(workspace.root, 'bd-daemon.js');
  writeFileSync(program, listen);
  const elsewhere = join(workspace.root, 'elsewhere/.beads');
  for (const args of [
    ['-e', listen],
    [program, elsewhere],
  ]) {
    const name = `${workspaceKey(second)}-${args.length}${args[0]?.length}.sock`;
    const socket = join(workspace.runtimeDir, 'bd', name);
    const other = spawn(process.execPath, [...args, socket], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await new Promise((up) => other.stdout.once('data', up));
    try {
      writeFileSync(join(second.beadsDir, 'daemon.pid'), `${other.pid}\n`);
      const entries = registered().map((entry) =>
        entry['workspace_path'] === second.directory ? { ...entry, pid: other.pid } : entry,
      );
      writeFileSync(registryPath(), JSON.stringify(entries));
      const runs = [
        await second.bd(['daemon', 'stop', '--force']),
        await fleet('stop', '--force', second.directory),
      ];
      for (const { exitCode, stderr } of runs) {
        expect(exitCode).toBe(5);
        expect(stderr).toContain('none was signalled');
      }
      expect(isAlive(other.pid ?? 0)).toBe(true);
    } finally {
      other.kill('SIGKILL');
    }
  }
});

test('a process that is younger than the record of it is another daemon, and is left alone', async () => {
  await serve(second);
  const pid = daemonPidOf(second);
  const record = registered().find((entry) => entry['workspace_path'] === second.directory);
  process.kill(pid, 'SIGSTOP');
  try {
    rmSync(join(second.beadsDir, 'daemon.pid'));
    const old = { ...record, started_at: '2020-01-01T00:00:00.000Z' };
    writeFileSync(registryPath(), JSON.stringify([old]));
    const run = await second.bd(['daemon', 'stop', '--force']);
    expect(run.exitCode).toBe(5);
    expect(run.stderr).toContain('proven');
    expect(isAlive(pid)).toBe(true);
  } finally {
    process.kill(pid, 'SIGCONT');
    writeFileSync(join(second.beadsDir, 'daemon.pid'), `${pid}\n`);
  }
});

test('with a registry that is broken, of others, huge or missing, daemons are found by their sockets', async () => {
  await serve(workspace, second);
  const served = new Set([daemonPidOf(workspace), daemonPidOf(second)]);
  // A silent one, too: by its process.
  process.kill(daemonPidOf(second), 'SIGSTOP');
  const seen = { total: 2, issues: [{ workspace: second.directory, issue: 'unresponsive' }] };
  try {
    for (const text of [
      '{"entries": [',
      '[{"socket_path": 7}, null, {"pid": -1}]',
      `[${' '.repeat(2 * 1024 * 1024)}]`,
      undefined,
    ]) {
      rmSync(registryPath(), { force: true });
      if (text !== undefined) writeFileSync(registryPath(), text);
      expect((await health()).report, text?.slice(0, 40)).toMatchObject(seen);
    }
  } finally {
    process.kill(daemonPidOf(second), 'SIGCONT');
  }
  expect(new Set(await pids())).toEqual(served);
});

test('a registry that cannot be written, or is no file, stops nothing', async () => {
  await serve(workspace, second);
  rmSync(registryPath());
  mkdirSync(registryPath());
  expect(await pids()).toHaveLength(2);
  expect(JSON.parse((await fleet('stop', second.directory)).stdout)).toMatchObject({
    stopped: true,
  });
});

test('entries that lead elsewhere are hints: nothing is read or asked there', async () => {
  await serve(second);
  const [entry] = registered();
  const link = join(workspace.root, 'nowhere/.beads/bd.sock');
  const path = join(workspace.root, 'nowhere\u001b[31m');
  writeFileSync(
    registryPath(),
    JSON.stringify([...registered(), { ...entry, socket_path: link, workspace_path: path }]),
  );
  const list = await workspace.bd(['daemons', 'list'], { cwd: workspace.home });
  expect(list.stdout).toContain('stale');
  expect(list.stdout).not.toContain('\u001b');
  expect(registered(), 'what is gone is forgotten').toHaveLength(1);
  expect(existsSync(join(workspace.root, 'nowhere'))).toBe(false);
});

test('a daemon whose workspace is gone is an orphan; killall ends it with the others', async () => {
  await serve(workspace, second);
  const pid = daemonPidOf(second);
  process.kill(pid, 'SIGSTOP');
  renameSync(second.beadsDir, `${second.beadsDir}.gone`);
  const { report } = await health();
  expect(report.issues).toMatchObject([
    { issue: 'orphan', recommendation: `bd daemons stop --force ${pid}` },
  ]);
  const timid = await fleet('killall');
  expect(timid.exitCode).toBe(1);
  expect(JSON.parse(timid.stdout)).toMatchObject({
    stopped: 1,
    failed: 1,
    failures: [{ workspace: second.directory, pid }],
  });
  expect(isAlive(pid)).toBe(true);
  expect(JSON.parse((await fleet('killall', '--force')).stdout)).toEqual({ stopped: 1, failed: 0 });
  expect(isAlive(pid)).toBe(false);
  expect(existsSync(second.beadsDir), 'nothing is written where a workspace was').toBe(false);
  expect(await pids()).toEqual([]);
  renameSync(`${second.beadsDir}.gone`, second.beadsDir);
}, 60_000);

test('restart starts another one, of a running daemon and of none; looking starts none', async () => {
  await serve(second);
  const before = daemonPidOf(second);
  const restarted = JSON.parse((await fleet('restart', second.directory)).stdout) as {
    pid: number;
  };
  expect(restarted).toEqual({
    workspace: second.directory,
    action: 'restarted',
    pid: daemonPidOf(second),
    version: VERSION,
  });
  expect(restarted.pid).not.toBe(before);
  await second.bdText(['daemon', 'stop']);
  for (const command of [['health'], ['list'], ['logs', second.directory]]) await fleet(...command);
  for (const command of ['status', 'health', 'logs']) await second.bd(['daemon', command]);
  expect(existsSync(join(second.beadsDir, 'daemon.pid'))).toBe(false);
  const started = JSON.parse((await fleet('restart', second.directory)).stdout) as object;
  expect(started).toMatchObject({ action: 'started', pid: daemonPidOf(second) });
});

test('a daemon that is not known is reported as unknown', async () => {
  for (const target of ['999999999', workspace.root]) {
    const run = await fleet('stop', target);
    expect(run.exitCode).toBe(1);
    expect(JSON.parse(run.stdout)).toMatchObject({ code: 'NO_WORKSPACE' });
  }
});

test('logs shows the end, goes on with --follow through a rotation, and ends with Ctrl-C', async () => {
  const log = join(second.beadsDir, 'daemon.log');
  const lines = Array.from({ length: 60 }, (_, index) => `{"line":${index}}\n`);
  writeFileSync(log, lines.join(''));
  const tail = JSON.parse((await fleet('logs', second.directory, '-n', '2')).stdout) as object;
  expect(tail).toEqual({
    workspace: second.directory,
    log_path: log,
    content: lines.slice(-2).join(''),
  });
  const shown = await second.bdText(['daemon', 'logs']);
  expect(shown).toBe(lines.slice(-50).join(''));

  const following = second.start(['daemon', 'logs', '-f', '-n', '1']);
  let output = '';
  following.stdout.on('data', (piece: Buffer) => (output += String(piece)));
  await eventually(() => output.includes('{"line":59}'));
  // At once: what comes before the watch stands is shown too.
  appendFileSync(log, '{"line":"next"}\n');
  await eventually(() => output.includes('"next"'));
  renameSync(log, `${log}.1`);
  appendFileSync(`${log}.1`, '{"line":"last of the old"}\n');
  writeFileSync(log, '{"line":"first of the new"}\n');
  await eventually(() => output.includes('first of the new'));
  expect(output).toBe(
    '{"line":59}\n{"line":"next"}\n{"line":"last of the old"}\n{"line":"first of the new"}\n',
  );
  const ended = new Promise((done) => following.once('close', done));
  following.kill('SIGINT');
  expect(await ended).toBe(0);
  // The rest of a log that was put aside a moment ago is shown too.
  const all = await second.bdText(['daemon', 'logs', '-n', '3']);
  expect(all).toBe('{"line":"next"}\n{"line":"last of the old"}\n{"line":"first of the new"}\n');
});

test('a log that is a link is not read', async () => {
  const log = join(second.beadsDir, 'daemon.log');
  symlinkSync('/etc/passwd', log);
  const run = await fleet('logs', second.directory);
  expect(run.exitCode).toBe(1);
  expect(run.stdout).not.toContain('root:');
});

test('status tells how the daemon is, and why there is none', async () => {
  await serve(second);
  expect(await second.bdJson(['daemon', 'status'])).toMatchObject({
    status: 'running',
    pid: daemonPidOf(second),
    watcher: 'native',
    build: expect.stringMatching(/^[\da-f]{12}$/) as string,
    sync_state: 'no_remote',
    pending: expect.any(Number) as number,
    heap_bytes: expect.any(Number) as number,
    event_loop_delay_ms: expect.any(Number) as number,
  });
  await second.bdText(['daemon', 'stop']);
  const status = (env: Record<string, string>) => second.bdJson(['daemon', 'status'], { env });
  expect(await status({})).not.toHaveProperty('reason');
  expect(await status({ CI: '1' })).toMatchObject({
    status: 'not_running',
    reason: expect.stringContaining('CI=1 is set') as string,
  });
  const failure = { message: 'no room', remedy: 'Make some.' };
  await rememberStartFailure(
    new WorkspacePlace(second.beadsDir),
    new BdError('DAEMON_UNAVAILABLE', failure),
  );
  expect(await status({})).toMatchObject({ reason: expect.stringContaining('no room') as string });
  expect(readdirSync(second.beadsDir)).not.toContain('daemon.pid');
});

test('a store that is damaged is told of, also beside a daemon that says nothing', async () => {
  const store = join(second.beadsDir, 'beads.db');
  await second.bdText(['q', 'First'], { env: { BEADS_NO_DAEMON: '1' } });
  const content = readFileSync(store);
  content.fill(0x5a, 4096 * 2, 4096 * 12);
  await second.bdText(['daemon', 'start']);
  await eventually(() => registered().length === 1);
  process.kill(daemonPidOf(second), 'SIGSTOP');
  try {
    for (const suffix of ['-wal', '-shm']) rmSync(store + suffix, { force: true });
    writeFileSync(store, content);
    const { report } = await health();
    expect(report.issues.map(({ issue }) => issue)).toEqual(['unresponsive', 'store_corrupt']);
  } finally {
    process.kill(daemonPidOf(second), 'SIGKILL');
  }
});
