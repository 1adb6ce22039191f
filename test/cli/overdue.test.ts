import { expect, test } from 'vitest';
import { BdError } from '../../src/core/errors.ts';
import { record } from './recorder.ts';

const overdue = {
  pending: 12,
  since: '2026-01-12T14:02:31.000Z',
  error: 'the remote origin cannot be reached: no route\nto host',
};
const NOTICE =
  '12 changes wait to be shared since 2026-01-12 14:02 UTC: the remote origin cannot be reached: no route to host (bd status)\n';

test.each([
  ['q', 'Title'],
  ['create', 'Title'],
  ['close', 't-1'],
  ['reopen', 't-1'],
])('a change says so after its answer: bd %s', async (...argv) => {
  const told = await record(argv, { overdue });
  expect(told.stderr).toBe(NOTICE);
  const { stdout } = await record(argv);
  expect(told.stdout).toBe(stdout);
});

test.each([['list'], ['ready'], ['show', 't-1'], ['config', 'set', 'actor', 'mia'], ['sync']])(
  'what changes no issue does not: bd %s',
  async (...argv) => {
    expect((await record(argv, { overdue })).stderr).not.toContain('wait');
  },
);

test.each(['--json', '--quiet', '-q'])('nor does a change with %s', async (flag) => {
  expect((await record(['close', 't-1', flag], { overdue })).stderr).toBe('');
});

test('nor does one that failed', async () => {
  const answer = new BdError('ISSUE_NOT_FOUND', { message: 'no such issue', remedy: 'Look.' });
  const { stderr } = await record(['close', 't-9'], { overdue, answer });
  expect(stderr).toBe('Error: no such issue\nLook.\n');
});

test('one change is not several, and what nobody tried is told as that', async () => {
  const alone = { ...overdue, pending: 1, error: null };
  const { stderr } = await record(['q', 'Title'], { overdue: alone });
  expect(stderr).toMatch(/^1 change waits .*: nothing has tried to send it\b.* \(bd status\)\n$/);
});
