import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CRASHES_MAX } from '../../src/core/limits.ts';
import { startBareDaemon, type BareDaemon } from '../support/bare-daemon.ts';
import { eventually } from '../support/eventually.ts';
import { createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'none', client: 'here' });
  await workspace.bdText(['init', '--prefix', 't']);
});
afterEach(() => workspace[Symbol.asyncDispose]());

const pathOf = (name: string): string => join(workspace.beadsDir, name);

const logText = (): string => readFileSync(pathOf('daemon.log'), 'utf8');

/** Does `fault` when it is sent SIGUSR2. */
function startFaulty(fault: string, nodeOptions: readonly string[] = []): BareDaemon {
  const preload = join(workspace.root, 'fault.cjs');
  writeFileSync(preload, `process.on('SIGUSR2', () => { ${fault} });`);
  const options = [...nodeOptions, '--require', preload];
  return startBareDaemon(workspace, { env: workspace.env, nodeOptions: options });
}

async function crash(fault: string): Promise<BareDaemon> {
  const daemon = startFaulty(fault);
  expect(await daemon.firstWord).toBe('R');
  process.kill(daemon.pid, 'SIGUSR2');
  expect(await daemon.ended).toBe(70);
  return daemon;
}

test.each([
  ['an exception that nobody catches', `throw new TypeError('a bug')`],
  ['a rejection that nobody handles', `Promise.reject(new TypeError('a bug'))`],
])('%s leaves a report, ends with 70, and loses nothing acknowledged', async (_what, fault) => {
  const daemon = startFaulty(fault);
  expect(await daemon.firstWord).toBe('R');
  const id = (await workspace.bdText(['q', 'Acknowledged'])).trim();
  await eventually(() => logText().includes('"msg":"serving"'));
  process.kill(daemon.pid, 'SIGUSR2');
  expect(await daemon.ended).toBe(70);
  const report = JSON.parse(readFileSync(pathOf('daemon.crash'), 'utf8'));
  expect(report).toMatchObject({ pid: daemon.pid, message: 'a bug', node: process.version });
  expect(report.stack).toContain('TypeError: a bug');
  expect(report.log.join('\n')).toContain('"msg":"serving"');
  expect(JSON.stringify(report)).not.toContain(workspace.env['XDG_RUNTIME_DIR']);
  expect(statSync(pathOf('daemon.crash')).mode & 0o777).toBe(0o600);
  expect(logText()).toMatch(/TypeError: a bug.*"msg":"crashed"/);
  expect(await workspace.bdText(['list'])).toContain(id);
});

test('the report and the log name the lines of the source', async () => {
  // The listener gets what no client can send.
  await crash(`
    const server = process._getActiveHandles().find(({ listening }) => listening);
    server.emit('connection', undefined);
  `);
  const { stack } = JSON.parse(readFileSync(pathOf('daemon.crash'), 'utf8')) as { stack: string };
  expect(stack).toMatch(/at .*accept \(.*\/src\/daemon\/connections\.ts:\d+:\d+\)/);
  expect(stack).not.toContain('/dist/');
  expect(logText()).toMatch(/src\/daemon\/connections\.ts:\d+:\d+.*"msg":"crashed"/);
});

test('three crashes in a row: the next start is refused with the reason, and commands are done all the same', async () => {
  for (let at = 0; at < CRASHES_MAX; at += 1) await crash(`throw new Error('again')`);
  const refused = startFaulty('');
  const word = await refused.firstWord;
  expect(word).toMatch(/^E .*crashed 3 times within 10 minutes.*again/);
  expect(await refused.ended).toBe(5);
  expect(await workspace.bdText(['--no-daemon', 'q', 'Without'])).toMatch(/^t-/);
});

test('what V8 says when memory runs out is in the log, and the next daemon notes the sudden end', async () => {
  const hog = 'const all = []; for (;;) all.push(new Array(100_000).fill(all.length + 0.5));';
  const daemon = startFaulty(hog, ['--max-old-space-size=40']);
  expect(await daemon.firstWord).toBe('R');
  process.kill(daemon.pid, 'SIGUSR2');
  expect(await daemon.ended).not.toBe(0);
  expect(logText()).toContain('heap out of memory');
  expect(existsSync(pathOf('daemon.crash'))).toBe(false);
  await workspace.bdText(['list']);
  const note = new RegExp(`"was":${daemon.pid},.*ended without cleaning up`);
  await eventually(() => note.test(logText()));
});

test('a daemon that ended as it should is no sudden end for the next one', async () => {
  await workspace.bdText(['daemon', 'start']);
  await workspace.bdText(['daemon', 'stop']);
  await crash(`throw new Error('known')`);
  await workspace.bdText(['daemon', 'start']);
  // The note would stand before it.
  const serving = new RegExp(`"pid":${workspace.daemonPid()},.*"msg":"serving"`);
  await eventually(() => serving.test(logText()));
  expect(logText()).not.toContain('without a word');
});

test('bd uninstall takes the report along', async () => {
  await crash(`throw new Error('once')`);
  await workspace.bdText(['uninstall']);
  expect(existsSync(workspace.beadsDir)).toBe(false);
});
