import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeIssueLine, parseIssueLine } from '../../src/core/issue-line.ts';
import type { Issue } from '../../src/core/issue.ts';
import { mergeIssues } from '../../src/core/merge.ts';

function issue(fields: Partial<Issue>): Issue {
  const line = JSON.stringify({
    id: 'a-1',
    title: 't',
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    ...fields,
  });
  return (parseIssueLine(line, 0) as { issue: Issue }).issue;
}

test('the newest edit is kept, whatever the offset it was written with', () => {
  const older = issue({ title: 'older', updated_at: '2026-01-01T12:00:00+03:00' });
  const newer = issue({ title: 'newer', updated_at: '2026-01-01T09:00:00.000001Z' });
  expect(mergeIssues(older, newer).title).toBe('newer');
  expect(mergeIssues(newer, older).title).toBe('newer');
});

test('a deletion beats a later edit', () => {
  const deleted = issue({ status: 'tombstone', deleted_at: '2026-01-01T00:00:00Z' });
  const edited = issue({ title: 'edited', updated_at: '2027-01-01T00:00:00Z' });
  expect(mergeIssues(edited, deleted).status).toBe('tombstone');
  expect(mergeIssues(deleted, edited).status).toBe('tombstone');
});

test('the merge is commutative, associative and idempotent', () => {
  const version = fc
    .record({
      title: fc.constantFrom('a', 'b', '\u{1f600}', '\uffff'),
      status: fc.constantFrom('open', 'closed', 'tombstone'),
      updated_at: fc.constantFrom(
        '2026-01-01T00:00:00Z',
        '2026-01-01T01:00:00+01:00',
        '2026-01-02T00:00:00Z',
      ),
    })
    .map(issue);
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      const same = (x: Issue, y: Issue) => expect(encodeIssueLine(x)).toBe(encodeIssueLine(y));
      same(mergeIssues(a, b), mergeIssues(b, a));
      same(mergeIssues(mergeIssues(a, b), c), mergeIssues(a, mergeIssues(b, c)));
      same(mergeIssues(a, a), a);
    }),
  );
});
