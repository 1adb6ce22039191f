import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { daemonPidOf, hasRegistered, isAlive } from '../support/daemon-processes.ts';
import { eventually } from '../support/eventually.ts';
import { printDirectory } from '../support/directory-print.ts';
import { createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

/** All of the project but git's objects and what its own pushes note down. */
function everything({ directory }: TestWorkspace) {
  return printDirectory(directory, {
    without: (path) => /^\.git\/(objects|(logs\/)?refs\/remotes)$/.test(path),
  });
}

test('it ends the daemon, and leaves the project, the sockets and the registry as they were', async () => {
  await using workspace = await createTestWorkspace({ git: 'with-remote', client: 'here' });
  const before = everything(workspace);
  await workspace.bdText(['init', '--prefix', 't']);
  await workspace.bdText(['q', 'Shared']);
  await workspace.bdText(['sync']);
  const pid = daemonPidOf(workspace);
  expect(isAlive(pid)).toBe(true);
  const installed = printDirectory(workspace.beadsDir);
  const preview = await workspace.bdJson<{ changes: string[] }>(['uninstall', '--dry-run']);
  expect(printDirectory(workspace.beadsDir)).toEqual(installed);
  expect(isAlive(pid)).toBe(true);
  const report = await workspace.bdJson<{ changes: string[] }>(['uninstall']);
  expect(report.changes).toEqual(preview.changes);
  expect(report.changes[0]).toBe('stopped the daemon');
  await eventually(() => !isAlive(pid));
  expect(everything(workspace)).toEqual(before);
  expect(socketsOf(workspace)).toEqual([]);
  expect(registryOf(workspace)).toEqual([]);
});

test('what a killed daemon left is gone too', async () => {
  await using workspace = await createTestWorkspace({ client: 'here' });
  const before = everything(workspace);
  await workspace.bdText(['init', '--prefix', 't', '--local']);
  await workspace.bdText(['q', 'Only here']);
  const pid = daemonPidOf(workspace);
  await eventually(() => hasRegistered(workspace, pid));
  process.kill(pid, 'SIGKILL');
  await eventually(() => !isAlive(pid));
  expect(socketsOf(workspace)).toHaveLength(1);
  for (const name of ['daemon.crash', 'daemon.failed', 'daemon.off']) {
    writeFileSync(join(workspace.beadsDir, name), '{}\n');
  }
  const refused = await workspace.bd(['uninstall']);
  expect(refused).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: expect.stringContaining('would be lost'),
  });
  expect(refused.stderr).toContain('1 changed issue would be lost');
  const { backup } = await workspace.bdJson<{ backup: string }>(['uninstall', '--force']);
  expect(dirname(backup)).toBe(join(workspace.home, '.beads/removed'));
  expect(readFileSync(backup, 'utf8')).toContain('Only here');
  expect(everything(workspace)).toEqual(before);
  expect(socketsOf(workspace)).toEqual([]);
  expect(registryOf(workspace)).toEqual([]);
});

function socketsOf({ runtimeDir }: TestWorkspace): string[] {
  const directory = join(runtimeDir, 'bd');
  return existsSync(directory) ? readdirSync(directory) : [];
}

function registryOf({ home }: TestWorkspace): unknown[] {
  const path = join(home, '.beads/registry.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as unknown[]) : [];
}
