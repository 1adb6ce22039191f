import { expect, test } from 'vitest';
import { BdError, toBdError } from '../../src/core/errors.ts';

const refusal = new BdError('FILE_UNUSABLE', { message: 'full', remedy: 'Make room.' });

test('ours pass through, and what is foreign is a bug that keeps its cause', () => {
  const bug = new TypeError('oops');
  expect(toBdError(refusal)).toBe(refusal);
  expect(toBdError(bug)).toMatchObject({ code: 'INTERNAL', cause: bug });
  expect(toBdError('text').message).toContain('text');
});

test.each([
  ['ENOSPC', 'the disk is full'],
  ['EACCES', 'the system does not permit it'],
  ['EMFILE', 'too many files are open'],
])('%s is no bug of ours: the person is told what to do', (code, what) => {
  const cause = Object.assign(new Error(`${code}: open '/x/daemon.off'`), { code });
  expect(toBdError(cause)).toMatchObject({
    code: 'FILE_UNUSABLE',
    message: `${what}: ${code}: open '/x/daemon.off'`,
    cause,
  });
});

test('of failures one upon the other the first is told', async () => {
  const fail = async (): Promise<void> => {
    await using outer = { [Symbol.asyncDispose]: () => Promise.reject(new Error('outer')) };
    await using inner = { [Symbol.asyncDispose]: () => Promise.reject(new Error('inner')) };
    if (outer !== inner) throw refusal;
  };
  expect(toBdError(await fail().catch((error: unknown) => error))).toBe(refusal);
});
