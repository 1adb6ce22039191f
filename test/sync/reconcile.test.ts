import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SLICE_RECORDS } from '../../src/core/limits.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { readIssueLines } from '../../src/sync/issue-lines.ts';
import { reconcile, type LineOrigin, type ReconcileReport } from '../../src/sync/reconcile.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createSandbox, issue, line, lines, put, type Sandbox } from './fixture.ts';

const clock = createFakeClock();
const NEWER = '2026-01-02T00:00:00.000Z';

let sandbox: Sandbox;
let store: Store;

beforeEach(() => {
  sandbox = createSandbox();
  store = openStore(`${sandbox.directory}/beads.db`, { clock });
});
afterEach(() => {
  store.close();
  sandbox.remove();
});

function take(origin: LineOrigin, ...rows: string[]): Promise<ReconcileReport> {
  return reconcile(readIssueLines(Buffer.from(rows.join('\n'))), { store, clock, origin });
}

describe('lines of another clone', () => {
  it('that are older than ours change nothing here, and ours is sent', async () => {
    put(store, issue('t-a', { updated_at: NEWER }));
    store.outbox.clearThrough(store.outbox.pending().lastSeq);
    expect(await take('remote', line('t-a', { title: 'Old' }))).toMatchObject({ unchanged: 1 });
    expect(store.issues.get('t-a')?.title).toBe('Title of t-a');
    expect(store.outbox.pending().ids).toEqual(['t-a']);
  });

  it('that are newer are taken, and not sent back', async () => {
    put(store, issue('t-a'));
    store.outbox.clearThrough(store.outbox.pending().lastSeq);
    const theirs = line('t-a', { title: 'New', updated_at: NEWER });
    expect(await take('remote', theirs)).toMatchObject({ updated: 1 });
    expect(store.issues.line('t-a')).toBe(theirs);
    expect(store.outbox.pending().count).toBe(0);
  });

  it('as old as ours end the same on both sides', async () => {
    const versions = [line('t-a', { title: 'One' }), line('t-a', { title: 'Two' })] as const;
    const other = openStore(`${sandbox.directory}/other.db`, { clock });
    await take('remote', ...versions);
    await reconcile(readIssueLines(Buffer.from([...versions].reverse().join('\n'))), {
      store: other,
      clock,
      origin: 'remote',
    });
    expect(lines(other)).toEqual(lines(store));
    other.close();
  });

  it('taken twice change nothing the second time', async () => {
    const rows = [line('t-a'), line('t-b')];
    expect(await take('remote', ...rows)).toMatchObject({ created: 2 });
    const before = store.events.lastSeq();
    expect(await take('remote', ...rows)).toMatchObject({ created: 0, updated: 0, unchanged: 2 });
    expect(store.events.lastSeq()).toBe(before);
  });
});

describe('many lines', () => {
  it('come in slices, so that others are served meanwhile', async () => {
    const rows = Array.from({ length: 3 * SLICE_RECORDS }, (_, at) => line(`t-${at}`));
    const counts: number[] = [];
    let isDone = false;
    const look = (): void => {
      counts.push(store.issues.count());
      if (!isDone) setImmediate(look);
    };
    setImmediate(look);
    await take('remote', ...rows);
    isDone = true;
    expect(counts).toContain(SLICE_RECORDS);
    expect(store.issues.count()).toBe(3 * SLICE_RECORDS);
  });

  it('that are long come in smaller slices', async () => {
    const rows = Array.from({ length: 4 }, (_, at) =>
      line(`t-${at}`, { description: 'x'.repeat(700_000) }),
    );
    let transactions = 0;
    const counting: Store = {
      ...store,
      transaction(work) {
        transactions += 1;
        return store.transaction(work);
      },
    };
    const content = Buffer.from(rows.join('\n'));
    await reconcile(readIssueLines(content), { store: counting, clock, origin: 'import' });
    expect(transactions).toBe(2);
  });
});

describe('what became of an issue', () => {
  it.each([
    ['closed', { status: 'open' }, { status: 'closed' }],
    ['reopened', { status: 'closed' }, { status: 'open' }],
    ['deleted', { status: 'open' }, { status: 'tombstone' }],
    ['updated', { status: 'open' }, { title: 'Other' }],
  ] as const)('%s', async (kind, before, after) => {
    put(store, issue('t-a', before));
    const seq = store.events.lastSeq();
    await take('remote', line('t-a', { ...after, updated_at: NEWER }));
    expect(store.events.read({ after: seq, limit: 9 })).toMatchObject([{ kind, origin: 'remote' }]);
  });
});
