import type { Pending } from '../../store/outbox.ts';

/** What a commit says of the issues that go with it. */
export function commitSubject({ count, ids }: Pick<Pending, 'count' | 'ids'>): string {
  if (count === 0) return 'bd: bring the branch up to date';
  const listed = ids.join(', ') + (count > ids.length ? ', …' : '');
  return `bd: ${count} ${count === 1 ? 'issue' : 'issues'} (${listed})`;
}
