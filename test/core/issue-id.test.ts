import { expect, test } from 'vitest';
import { childNumber, isIssueId, prefixFrom, randomIssueId } from '../../src/core/issue-id.ts';

const bytes = (value: number) => (count: number) => new Uint8Array(count).fill(value);

test('ids are short in a small project and grow with it', () => {
  const length = (issueCount: number): number =>
    randomIssueId({ prefix: 'p', issueCount, randomBytes: bytes(7) }).length - 'p-'.length;
  expect([0, 10, 100, 10_000, 1_000_000].map(length)).toEqual([4, 4, 5, 7, 10]);
});

test('bytes that would favour some digits are thrown away', () => {
  let calls = 0;
  const randomBytes = (count: number): Uint8Array => bytes(calls++ === 0 ? 255 : 35)(count);
  expect(randomIssueId({ prefix: 'p', issueCount: 0, randomBytes })).toBe('p-zzzz');
  expect(calls).toBe(2);
});

test('only direct children have a number', () => {
  expect(childNumber('a-1', 'a-1.12')).toBe(12);
  expect(childNumber('a-1', 'a-1.2.3')).toBeUndefined();
  expect(childNumber('a-1', 'a-12')).toBeUndefined();
});

test('a directory name becomes a prefix', () => {
  expect(prefixFrom('My Project (2)')).toBe('my-project-2');
  expect(prefixFrom('日本')).toBe('bd');
});

test('ids that could leave a line or a directory are no ids', () => {
  expect(['a-1', 'beads_rust-07b', 'bd-9f86-baseline', 'a-1.2.3'].every(isIssueId)).toBe(true);
  expect(['', '-a', '.', '../a', 'a b', 'a\n', 'a/b'].some(isIssueId)).toBe(false);
});
