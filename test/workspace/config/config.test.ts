import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPlace } from '../../../src/place/workspace-place.ts';
import { openConfig, readConfig } from '../../../src/workspace/config/config.ts';
import { createTempDirectory, type TempDirectory } from '../../support/temp-directory.ts';

let temp: TempDirectory;
beforeEach(() => (temp = createTempDirectory()));
afterEach(() => temp[Symbol.dispose]());

const path = (): string => join(temp.path, 'config.yaml');

async function open(text: string, env: Record<string, string> = {}) {
  mkdirSync(temp.path, { recursive: true });
  writeFileSync(path(), text);
  return await openConfig(openPlace(temp.path), env);
}

const sourceOf = async (config: Awaited<ReturnType<typeof open>>, key: string) =>
  (await config.entries()).find((entry) => entry.key === key);

test.each([
  ['', {}, 5_000, '5s', 'default'],
  ['daemon:\n  sync_interval: 2s\n', {}, 2_000, '2s', 'file'],
  ['daemon:\n  sync_interval: 750ms\n', {}, 750, '750ms', 'file'],
  ['daemon.sync_interval: 7\n', {}, 7_000, '7', 'file'],
  ['sync:\n  fetch_active_ms: 900\n', {}, 900, '900ms', 'file'],
  ['sync.fetch_active_ms: 900\ndaemon.sync_interval: 2s\n', {}, 2_000, '2s', 'file'],
  [
    'daemon:\n  sync_interval: 2s\n',
    { BEADS_SYNC_INTERVAL: '3m' },
    180_000,
    '3m',
    'BEADS_SYNC_INTERVAL',
  ],
  ['', { BD_DAEMON_SYNC_INTERVAL: '4s' }, 4_000, '4s', 'BD_DAEMON_SYNC_INTERVAL'],
  [
    '',
    { BEADS_SYNC_INTERVAL: '3s', BD_DAEMON_SYNC_INTERVAL: '4s' },
    3_000,
    '3s',
    'BEADS_SYNC_INTERVAL',
  ],
])(
  'of %j and %j the interval is %i ms, and it is said from where',
  async (text, env, ms, value, source) => {
    const config = await open(text, env);
    expect(config.duration('daemon.sync_interval')).toBe(ms);
    expect(await sourceOf(config, 'daemon.sync_interval')).toEqual({
      key: 'daemon.sync_interval',
      value,
      source: source === 'file' ? path() : source,
    });
  },
);

test('the size of a batch has two names, of which the daemon’s counts', async () => {
  expect((await open('')).whole('daemon.max_batch_size')).toBe(100);
  expect((await open('sync:\n  batch_max: 7\n')).whole('daemon.max_batch_size')).toBe(7);
  const both = await open('sync:\n  batch_max: 7\ndaemon:\n  max_batch_size: 8\n');
  expect(both.whole('daemon.max_batch_size')).toBe(8);
});

test.each([
  ['daemon.auto_start', 'no', 'true or false'],
  ['daemon.file_watch', '1', 'true or false'],
  ['daemon.sync_interval', 'often', 'as in 500ms, 5s or 2m'],
  ['daemon.sync_interval', '100ms', '500 ms or more'],
  ['daemon.log_level', 'loud', 'debug, info, warn, error'],
  ['daemon.max_batch_size', '0', '1 or more'],
])(
  '%s: %s is refused with the value, where it is from and what is right',
  async (key, value, right) => {
    const refusal = (source: string) => ({
      code: 'INVALID_VALUE',
      message: `${key} is "${value}" (from ${source})`,
      remedy: expect.stringContaining(right) as string,
    });
    await expect(open(`${key}: ${value}\n`)).rejects.toMatchObject(refusal(path()));
    const variable = `BD_${key.toUpperCase().replace('.', '_')}`;
    await expect(open('', { [variable]: value })).rejects.toMatchObject(refusal(variable));
    await expect((await open('')).set(key, value)).rejects.toMatchObject(refusal('bd config set'));
  },
);

test('a wrong value in the file counts as the default until it is mended', async () => {
  writeFileSync(path(), '# mine\ndaemon.log_level: loud\nsync.push: false\n');
  const config = await readConfig(openPlace(temp.path), {});
  expect(() => config.check()).toThrow('daemon.log_level is "loud"');
  expect(config.text('daemon.log_level')).toBe('info');
  expect(config.truth('sync.push')).toBe(false);
  expect(await sourceOf(config, 'daemon.log_level')).toMatchObject({ value: 'loud' });
  await config.set('daemon.log_level', 'warn');
  config.check();
  expect(config.text('daemon.log_level')).toBe('warn');
  expect(readFileSync(path(), 'utf8')).toContain('# mine');
});

test('a wrong value in the environment is refused at once: no edit of the file mends it', async () => {
  writeFileSync(path(), '');
  const opened = readConfig(openPlace(temp.path), { BEADS_SYNC_INTERVAL: 'abc' });
  await expect(opened).rejects.toThrow('daemon.sync_interval is "abc" (from BEADS_SYNC_INTERVAL)');
});

test('what is unset leaves no trace in the file, and the rest as it was', async () => {
  const config = await open('# Mine.\n\nsync:\n  push: false\nother: x # theirs\n');
  await config.unset('sync.push');
  expect(readFileSync(path(), 'utf8')).toBe('# Mine.\n\nother: x # theirs\n');
  expect(config.truth('sync.push')).toBe(true);
  await config.unset('sync.push');
  expect(readFileSync(path(), 'utf8')).toBe('# Mine.\n\nother: x # theirs\n');
});

test('a change by another program is followed, an own change is known', async () => {
  const config = await open('sync:\n  push: false\n');
  expect(await config.follow()).toBe(false);
  const writing = config.set('issue_prefix', 'x');
  expect(await config.follow()).toBe(false);
  await writing;
  expect(await config.follow()).toBe(false);
  writeFileSync(path(), 'sync:\n  push: true # mine\n');
  expect(await config.follow()).toBe(true);
  expect(config.truth('sync.push')).toBe(true);
  expect(await config.follow()).toBe(false);
});
