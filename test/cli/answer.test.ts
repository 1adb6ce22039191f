import { expect, test } from 'vitest';
import { BdError } from '../../src/core/errors.ts';
import { record } from './recorder.ts';

const notFound = new BdError('ISSUE_NOT_FOUND', {
  message: 'no issue found matching "x"',
  remedy: 'List the issues.',
});

const WRONG: readonly string[][] = [
  ['lst'],
  ['list', '--bogus'],
  ['list', '--limit'],
  ['list', '--limit', 'x'],
  ['list', '--all=perhaps'],
  ['create'],
  ['create', 'a', 'b'],
  ['create', 'a', '-p', '5'],
  ['update', 'x'],
  ['show'],
  ['dep'],
  ['dep', 'add', 'x'],
  ['dep', 'remove', 'x'],
  ['label'],
  ['label', 'paint'],
  ['label', 'add', 'x'],
  ['comments', 'add', 'x'],
  ['count', '--by-status', '--by-type'],
  ['daemon', 'start'],
];

test.each(WRONG.map((argv) => [argv.join(' '), argv] as const))(
  'bd %s is bad usage: told on stderr, JSON on stdout, nothing done',
  async (_line, argv) => {
    const plain = await record(argv);
    expect(plain).toMatchObject({ exitCode: 2, stdout: '', calls: [] });
    expect(plain.stderr).toMatch(/^Error: .+\n.+\n$/);
    const asJson = await record([...argv, '--json']);
    const before = await record(['--json', ...argv]);
    expect(asJson.stderr).not.toBe('');
    for (const { stdout, calls } of [asJson, before].slice(argv.at(-1) === '--limit' ? 1 : 0)) {
      expect(JSON.parse(stdout)).toMatchObject({
        code: expect.stringMatching(/USAGE|INVALID_VALUE/),
      });
      expect(calls).toEqual([]);
    }
  },
);

test('an operation’s error is told with its remedy, code and exit code', async () => {
  const { exitCode, stdout, stderr } = await record(['children', 'x', '--json'], {
    answer: notFound,
  });
  expect(exitCode).toBe(3);
  expect(stderr).toBe('Error: no issue found matching "x"\nList the issues.\n');
  expect(JSON.parse(stdout)).toEqual({
    error: 'no issue found matching "x"',
    code: 'ISSUE_NOT_FOUND',
    remedy: 'List the issues.',
  });
});

test('an unexpected error is our bug: exit 70, no stack', async () => {
  const { exitCode, stderr } = await record(['list'], { answer: new TypeError('x is undefined') });
  expect(exitCode).toBe(70);
  expect(stderr).toContain('x is undefined');
  expect(stderr).not.toContain('    at ');
});

test('several failures share one remedy, and JSON holds the first', async () => {
  const run = await record(['close', 'x', 'y', '--json'], { answer: notFound });
  expect(run.exitCode).toBe(3);
  expect(run.stderr.match(/^Error: /gm)).toHaveLength(2);
  expect(run.stderr.match(/List the issues/g)).toHaveLength(1);
  expect(JSON.parse(run.stdout)).toMatchObject({ code: 'ISSUE_NOT_FOUND' });
});

test('help and version are answers, not errors', async () => {
  for (const argv of [[], ['--help'], ['help', 'close'], ['close', '-h'], ['--version'], ['-V']]) {
    const { exitCode, stdout, stderr } = await record(argv);
    expect({ exitCode, stderr }, argv.join(' ')).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).not.toBe('');
  }
});

test('a suggestion stands in the remedy, in one line', async () => {
  const { stderr } = await record(['lst']);
  expect(stderr).toBe(
    "Error: unknown command 'lst' (bd)\nDid you mean list? `bd --help` shows what it takes.\n",
  );
});

test('a sync that did not reach the remote exits 1, with what is in the way and what to do', async () => {
  const answer = {
    state: 'offline',
    pending: 2,
    pushed: 0,
    imported: 0,
    remote: 'origin',
    error: 'origin cannot be reached',
    remedy: 'Check the network.',
  };
  const { exitCode, stdout, stderr } = await record(['sync'], { answer });
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toBe('Error: origin cannot be reached\nCheck the network.\n');
  const asJson = await record(['sync', '--json'], { answer });
  expect(JSON.parse(asJson.stdout)).toMatchObject({ state: 'offline', pending: 2 });
  expect(asJson.exitCode).toBe(1);
});

test.each(['ok', 'no_remote', 'off', 'by_hand'])(
  'a sync that ends in %s exits 0',
  async (state) => {
    const answer = { state, pending: 0, pushed: 1, imported: 0, remote: null, error: null };
    expect((await record(['sync'], { answer })).exitCode).toBe(0);
  },
);
