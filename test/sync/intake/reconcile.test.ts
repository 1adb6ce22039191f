import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeIssue } from '../../../src/core/causal/causal-line.ts';
import type { IssueState } from '../../../src/core/causal/issue-state.ts';
import { seal } from '../../../src/core/causal/text-hash.ts';
import type { Issue } from '../../../src/core/issue.ts';
import { SLICE_RECORDS } from '../../../src/core/limits.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import { readIssueLines } from '../../../src/sync/intake/issue-lines.ts';
import { importBase } from '../../../src/sync/intake/line-base.ts';
import { mergeIssueFiles } from '../../../src/sync/intake/merge-files.ts';
import { reconcile, type ReconcileReport } from '../../../src/sync/intake/reconcile.ts';
import type { LineContext } from '../../../src/sync/intake/take-in-version.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { conflicts, issue, line, lines, put } from '../fixture.ts';
import { useSandbox } from '../../support/sandbox.ts';

const clock = createFakeClock();
const LATER = '2026-01-02T00:00:00.000Z';

const sandbox = useSandbox();
let store: Store;
/** Another clone's, for lines that one of us wrote. */
let other: Store;

beforeEach(() => {
  store = openStore(`${sandbox.directory}/beads.db`, { clock });
  other = openStore(`${sandbox.directory}/other.db`, { clock });
});
afterEach(() => {
  store.close();
  other.close();
});

function take(origin: LineContext['origin'], ...rows: string[]): Promise<ReconcileReport> {
  return takeInto(store, origin, ...rows);
}

function takeInto(
  into: Store,
  origin: LineContext['origin'],
  ...rows: string[]
): Promise<ReconcileReport> {
  return reconcile(readIssueLines(Buffer.from(rows.join('\n'))), {
    store: into,
    clock,
    origin,
    findBase: origin === 'remote' ? () => undefined : importBase(into),
  });
}

/** Both hold the same issues, and nothing waits to be sent. */
async function share(...issues: Issue[]): Promise<void> {
  put(store, ...issues);
  await takeInto(other, 'remote', ...lines(store));
  sent(store);
  sent(other);
}

function sent({ outbox }: Store): void {
  outbox.clearThrough(outbox.pending().lastSeq);
}

describe('a file that `bd merge` made', () => {
  it('is as the stores would join it, and no store sees a conflict in it', async () => {
    const text = (description: string, updated_at = LATER): Issue =>
      issue('t-a', { description, updated_at });
    await share(text('one\ntwo\nthree', '2026-01-01T00:00:00.000Z'));
    const base = lines(store);
    put(store, text('ONE\ntwo\nthree'));
    put(other, text('one\ntwo\nTHREE'));
    const fileOf = (rows: string[]): Buffer => Buffer.from(`${rows.join('\n')}\n`);
    // Both files were committed.
    for (const each of [store, other]) sent(each);
    const [ours, theirs] = [lines(store), lines(other)];
    const merged = mergeIssueFiles({
      base: fileOf(base),
      ours: fileOf(ours),
      theirs: fileOf(theirs),
    });
    await takeInto(other, 'mirror', merged.content.toString());
    await take('remote', ...theirs);
    expect(lines(store).join()).toEqual(merged.content.toString().trimEnd());
    expect(lines(other)).toEqual(lines(store));
    expect(conflicts(store, 't-a')).toEqual([]);
    expect(store.issues.get('t-a')?.description).toBe('ONE\ntwo\nTHREE');
    expect((await take('mirror', merged.content.toString())).unchanged).toBe(1);
  });
});

describe('lines of another clone', () => {
  it('that say less than ours change nothing here, and ours is sent', async () => {
    await share(issue('t-a'));
    put(store, issue('t-a', { title: 'New', updated_at: LATER }));
    sent(store);
    expect(await take('remote', ...lines(other))).toMatchObject({ unchanged: 1 });
    expect(store.issues.get('t-a')?.title).toBe('New');
    expect(store.outbox.pending().ids).toEqual(['t-a']);
  });

  it('that say more are taken, and not sent back', async () => {
    await share(issue('t-a'));
    put(other, issue('t-a', { title: 'New', updated_at: LATER }));
    expect(await take('remote', ...lines(other))).toMatchObject({ updated: 1 });
    expect(lines(store)).toEqual(lines(other));
    expect(store.outbox.pending().count).toBe(0);
  });

  it('bring edits of different fields together, whichever clock is ahead', async () => {
    await share(issue('t-a'));
    put(store, issue('t-a', { title: 'Ours', updated_at: '2029-01-01T00:00:00.000Z' }));
    put(other, issue('t-a', { priority: 0, labels: ['theirs'], updated_at: LATER }));
    await take('remote', ...lines(other));
    await takeInto(other, 'remote', ...lines(store));
    expect(store.issues.get('t-a')).toMatchObject({
      title: 'Ours',
      priority: 0,
      labels: ['theirs'],
    });
    expect(lines(other)).toEqual(lines(store));
    expect(conflicts(store, 't-a')).toEqual([]);
  });

  it('keep both edits of one field, on both sides alike', async () => {
    await share(issue('t-a'));
    put(store, issue('t-a', { title: 'Ours', updated_at: LATER }));
    put(other, issue('t-a', { title: 'Theirs', updated_at: '2026-01-03T00:00:00.000Z' }));
    const seq = store.events.lastSeq();
    await take('remote', ...lines(other));
    await takeInto(other, 'remote', ...lines(store));
    expect(conflicts(store, 't-a')).toEqual(['title: "Theirs" | "Ours"']);
    expect(lines(other)).toEqual(lines(store));
    expect(store.queries.idsInConflict()).toEqual(['t-a']);
    expect(store.events.read({ after: seq, limit: 9 })).toMatchObject([
      { kind: 'updated' },
      { kind: 'conflicted', data: { fields: ['title'] } },
    ]);
  });

  it('taken twice change nothing the second time', async () => {
    const rows = [line('t-a'), line('t-b')];
    expect(await take('remote', ...rows)).toMatchObject({ created: 2 });
    const before = store.events.lastSeq();
    expect(await take('remote', ...rows)).toMatchObject({ created: 0, updated: 0, unchanged: 2 });
    expect(store.events.lastSeq()).toBe(before);
  });

  it('that no bd wrote become the same on every clone that takes them in', async () => {
    const rows = [line('t-a', { title: 'One' }), line('t-a', { title: 'Two' })];
    await take('remote', ...rows);
    await takeInto(other, 'remote', ...[...rows].reverse());
    await takeInto(other, 'remote', ...lines(store));
    await take('remote', ...lines(other));
    expect(lines(other)).toEqual(lines(store));
    expect(conflicts(store, 't-a')).toHaveLength(1);
  });

  it('that do not say when mean the same on each clone', async () => {
    await take('remote', '{"id":"t-a","title":"Undated"}');
    clock.advance(60_000);
    await takeInto(other, 'remote', '{"id":"t-a","title":"Undated"}');
    expect(lines(other)).toEqual(lines(store));
  });
});

describe('a line whose `_bd` is no JSON', () => {
  it.each(['mirror', 'import', 'remote'] as const)('is read without it: %s', async (origin) => {
    await share(issue('t-a'));
    const classic = JSON.stringify(issue('t-a', { title: 'By hand', updated_at: LATER }));
    const report = await take(origin, `${classic.slice(0, -1)},"_bd":{oops}}`);
    expect(report).toMatchObject({ updated: 1, problems: [] });
    expect(store.issues.state('t-a')?.entries.get('title')).toContainEqual(
      expect.objectContaining({ value: 'By hand' }),
    );
  });
});

describe('a claim', () => {
  it('goes to the earlier one, and the loser is told', async () => {
    await share(issue('t-a'));
    const claim = (by: string, at: string) =>
      issue('t-a', { assignee: by, status: 'in_progress', updated_at: at });
    put(other, claim('bob', '2026-01-02T00:00:00.000Z'));
    put(store, claim('ann', '2026-01-03T00:00:00.000Z'));
    const seq = store.events.lastSeq();
    const report = await take('remote', ...lines(other));
    expect(store.issues.get('t-a')?.assignee).toBe('bob');
    expect(report.lostClaims).toEqual([{ issueId: 't-a', winner: 'bob', loser: 'ann' }]);
    expect(store.events.read({ after: seq, limit: 9 }).map(({ kind }) => kind)).toContain(
      'claim_lost',
    );
    const theirs = await takeInto(other, 'remote', ...lines(store));
    expect(theirs.lostClaims).toEqual([]);
    expect(lines(other)).toEqual(lines(store));
  });

  it('handed over knowingly is not lost', async () => {
    await share(issue('t-a'));
    put(store, issue('t-a', { assignee: 'ann', updated_at: LATER }));
    await takeInto(other, 'remote', ...lines(store));
    put(other, issue('t-a', { assignee: 'bob', updated_at: LATER }));
    expect((await take('remote', ...lines(other))).lostClaims).toEqual([]);
  });
});

describe('a deletion', () => {
  it('wins over an edit that did not know it, which is kept as a conflict', async () => {
    await share(issue('t-a'));
    put(other, issue('t-a', { status: 'tombstone', deleted_at: LATER, updated_at: LATER }));
    put(store, issue('t-a', { title: 'Edited', updated_at: '2027-01-01T00:00:00.000Z' }));
    await take('remote', ...lines(other));
    await takeInto(other, 'remote', ...lines(store));
    expect(store.issues.get('t-a')?.status).toBe('tombstone');
    expect(conflicts(store, 't-a')).toEqual(['title: "Edited"']);
    expect(lines(other)).toEqual(lines(store));
  });
});

describe('one id for two issues', () => {
  const mine = issue('t-a', { title: 'Mine', created_at: LATER, updated_at: LATER });
  const yours = issue('t-a', { title: 'Yours' });

  it('leaves both, the later one under another id, on both sides alike', async () => {
    put(store, { ...mine, comments: [comment('t-a')] }, issue('t-b', { dependencies: [edge()] }));
    put(other, yours, issue('t-c', { dependencies: [edge('t-c')] }));
    const report = await take('remote', ...lines(other));
    const [move] = report.moved;
    expect(report.moved).toEqual([
      { from: 't-a', to: expect.stringMatching(/^t-a-\w{3}$/) as string },
    ]);
    await takeInto(other, 'remote', ...lines(store));
    expect(lines(other)).toEqual(lines(store));
    expect(store.issues.get('t-a')?.title).toBe('Yours');
    const moved = store.issues.get(move?.to ?? '');
    expect(moved).toMatchObject({ title: 'Mine', comments: [{ issue_id: move?.to }] });
    // What each side had linked still leads to its own.
    expect(store.graph.edges('t-b', 'down')).toMatchObject([{ depends_on_id: move?.to }]);
    expect(store.graph.edges('t-c', 'down')).toMatchObject([{ depends_on_id: 't-a' }]);
  });

  it('is settled once: an old line with later edits finds its issue again', async () => {
    const third = openStore(`${sandbox.directory}/third.db`, { clock });
    put(store, mine);
    await takeInto(third, 'remote', ...lines(store));
    put(other, yours);
    await take('remote', ...lines(other));
    put(third, { ...mine, priority: 0, updated_at: '2026-02-01T00:00:00.000Z' });
    await take('remote', ...lines(third));
    await takeInto(third, 'remote', ...lines(store));
    await takeInto(other, 'remote', ...lines(store));
    expect(lines(third)).toEqual(lines(store));
    expect(lines(other)).toEqual(lines(store));
    expect(store.issues.count()).toBe(2);
    expect(store.queries.select({ priority: 0 }, ALL)).toMatchObject([{ title: 'Mine' }]);
    third.close();
  });
});

describe('an old line of an issue that got another id', () => {
  it('is no sign of a copied clone, though it has more writes under this name', async () => {
    const id = store.replica.id();
    const mine = issue('t-a', { title: 'Mine', created_at: LATER, updated_at: LATER });
    put(store, mine, { ...mine, priority: 0 });
    const old = lines(store);
    put(other, issue('t-a', { title: 'Yours' }));
    await take('remote', ...lines(other));
    await take('remote', ...old);
    expect(store.issues.count()).toBe(2);
    expect(store.replica.id()).toBe(id);
  });
});

describe('a store that was put back from a backup', () => {
  it('loses nothing that it wrote since under a name that others know', async () => {
    await share(issue('t-a'));
    const id = store.replica.id();
    // Written and shared, then forgotten: the backup is older.
    const state = stateOf(store, 't-a');
    put(store, issue('t-a', { title: 'Before the disk died', updated_at: LATER }));
    await takeInto(other, 'remote', ...lines(store));
    forceState(store, state);
    sent(store);
    put(store, issue('t-a', { priority: 0, updated_at: LATER }), issue('t-b'));
    await take('remote', ...lines(other));
    await takeInto(other, 'remote', ...lines(store));
    expect(store.replica.id()).not.toBe(id);
    expect(store.issues.get('t-a')).toMatchObject({ title: 'Before the disk died', priority: 0 });
    expect(lines(other)).toEqual(lines(store));
  });
});

describe('a copy of a clone that has the same name', () => {
  it('is detected by a third clone, which keeps what both wrote and says so', async () => {
    await share(issue('t-a'));
    const before = stateOf(store, 't-a');
    put(store, issue('t-a', { title: 'By the original', updated_at: LATER }));
    await takeInto(other, 'remote', ...lines(store));
    forceState(store, before);
    put(store, issue('t-a', { title: 'By the copy', updated_at: LATER }));
    const report = await takeInto(other, 'remote', ...lines(store));
    expect(report.doubled).toEqual(['t-a']);
    expect(conflicts(other, 't-a')).toEqual(['title: "By the original" | "By the copy"']);
  });
});

describe('edges that close a cycle together', () => {
  it('count except the one written last, the same on both sides, until one is removed', async () => {
    await share(issue('t-a'), issue('t-b'));
    const link = (from: string, to: string, at: string) =>
      issue(from, { dependencies: [edge(from, to)], updated_at: at });
    put(store, link('t-a', 't-b', LATER));
    put(other, link('t-b', 't-a', '2026-01-03T00:00:00.000Z'));
    await take('remote', ...lines(other));
    await takeInto(other, 'remote', ...lines(store));
    for (const each of [store, other]) {
      expect(each.cycles.suppressed()).toMatchObject([{ issue_id: 't-b', depends_on_id: 't-a' }]);
      expect(each.queries.select({ blocked: true }, ALL)).toMatchObject([{ id: 't-a' }]);
    }
    put(store, issue('t-a', { updated_at: LATER }));
    store.cycles.settle();
    expect(store.cycles.suppressed()).toEqual([]);
    expect(store.queries.select({ blocked: true }, ALL)).toMatchObject([{ id: 't-b' }]);
  });
});

describe('a forged line', () => {
  it('whose hidden value could not be read once it is shown is a problem, and no other line is', async () => {
    const classic = line('t-a');
    const deep = JSON.stringify('['.repeat(120) + ']'.repeat(120));
    const causal = `"":"aaaaaa.1.1","f":{"m/x":"aaaaaa.1.1+"},"x":{"m/x":[${deep}]}`;
    const forged = `${classic.slice(0, -1)},"_bd":{${causal},"h":"${seal(classic)}"}}`;
    const report = await take('remote', forged, line('t-b'));
    expect(report).toMatchObject({ created: 1, problems: [{ line: 1 }] });
    expect(store.issues.state('t-a')).toBeUndefined();
  });
});

describe('an edge that two clones both made', () => {
  it('is of the same writer in the rows of both', async () => {
    await share(issue('t-a'), issue('t-b'));
    const linked = { dependencies: [edge('t-a', 't-b')] };
    put(store, issue('t-a', { ...linked, updated_at: '2026-01-04T00:00:00.000Z' }));
    put(other, issue('t-a', { ...linked, updated_at: LATER }));
    // Each of these closes a cycle; which of both edges counts is for their times to say.
    await takeInto(other, 'remote', ...lines(store));
    put(
      other,
      issue('t-b', { dependencies: [edge('t-b', 't-a')], updated_at: '2026-01-03T00:00:00.000Z' }),
    );
    other.cycles.settle();
    await take('remote', ...lines(other));
    expect(lines(other)).toEqual(lines(store));
    expect(other.cycles.suppressed()).toEqual(store.cycles.suppressed());
    expect(store.cycles.suppressed()).toMatchObject([{ issue_id: 't-a' }]);
  });
});

describe('lines of one issue in one file', () => {
  it('are versions beside each other, though they say the same time', async () => {
    await take('import', line('t-a', { title: 'One' }), line('t-a', { title: 'Two' }));
    expect(conflicts(store, 't-a')).toEqual([
      expect.stringMatching(/^title: "(One|Two)" \| "(One|Two)"$/) as string,
    ]);
  });

  it('that was read before is edited by the next file', async () => {
    await take('import', line('t-a', { title: 'One' }));
    await take('import', line('t-a', { title: 'Two' }));
    expect(store.issues.get('t-a')?.title).toBe('Two');
    expect(conflicts(store, 't-a')).toEqual([]);
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
    const counting = store.guardedBy(() => {
      transactions += 1;
    });
    const content = Buffer.from(rows.join('\n'));
    await reconcile(readIssueLines(content), {
      store: counting,
      clock,
      origin: 'import',
      findBase: importBase(store),
    });
    expect(transactions).toBe(2);
  });
});

describe('the kind of a change', () => {
  it.each([
    ['closed', { status: 'open' }, { status: 'closed' }],
    ['reopened', { status: 'closed' }, { status: 'open' }],
    ['deleted', { status: 'open' }, { status: 'tombstone' }],
    ['updated', { status: 'open' }, { title: 'Other' }],
  ] as const)('%s', async (kind, before, after) => {
    await share(issue('t-a', before));
    const seq = store.events.lastSeq();
    put(other, issue('t-a', { ...after, updated_at: LATER }));
    await take('remote', ...lines(other));
    expect(store.events.read({ after: seq, limit: 9 })).toMatchObject([{ kind, origin: 'remote' }]);
  });
});

const ALL = { sort: 'id', limit: 0, nowMs: 0 } as const;

function edge(from = 't-b', to = 't-a') {
  return { issue_id: from, depends_on_id: to, type: 'blocks' };
}

function comment(id: string) {
  return { id: 1, issue_id: id, author: 'ann', text: 'Hm', created_at: '2026-01-03T00:00:00Z' };
}

function stateOf(from: Store, id: string): IssueState {
  const state = from.issues.state(id);
  if (state === undefined) throw new Error(`no ${id}`);
  return state;
}

/** As if the file had been put back. */
function forceState({ issues }: Store, state: IssueState): void {
  issues.put(encodeIssue(state), { kind: 'updated', actor: '', origin: 'remote', atMs: 0 });
}
