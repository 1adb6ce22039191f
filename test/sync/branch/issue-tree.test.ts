import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { counterAt } from '../../../src/core/causal/dot.ts';
import { BRANCH_FILE_BYTES_MAX } from '../../../src/core/limits.ts';
import { shardOf } from '../../../src/store/derived-rows.ts';
import type { Store } from '../../../src/store/store.ts';
import { createClone, createRemote, cycle, issue, lines, put, type Clone } from '../fixture.ts';
import { useSandbox } from '../../support/sandbox.ts';

const sandbox = useSandbox();
let remote: string;
let open: Clone[];

beforeEach(() => {
  remote = createRemote(sandbox);
  open = [];
});
afterEach(() => {
  for (const clone of open) clone.store.close();
});

function clone(name: string): Clone {
  const made = createClone(sandbox, name, { remote });
  open.push(made);
  return made;
}

const LATER = '2026-01-02T00:00:00.000Z';
const files = (ref = 'beads-sync'): string[] =>
  sandbox.git(remote, 'ls-tree', '-r', '--name-only', ref).split('\n');
const changed = (ref = 'beads-sync'): string[] =>
  sandbox.git(remote, 'diff-tree', '-r', '--name-only', `${ref}^`, ref).split('\n');
const shardPath = (id: string): string =>
  `.beads/shard/${shardOf(id).toString(16).padStart(2, '0')}.jsonl`;

/** A little more than one file may hold. */
function fill(store: Store): void {
  const description = 'x'.repeat(BRANCH_FILE_BYTES_MAX / 64);
  put(store, ...Array.from({ length: 65 }, (_, at) => issue(`t-${at}`, { description })));
}

describe('a large project', () => {
  it('is stored in parts on the branch, each with its issues in order, and no clone sees a difference', async () => {
    const [a, b] = [clone('a'), clone('b')];
    fill(a.store);
    expect(await cycle(a)).toMatchObject({ end: 'shared', pushed: 65 });
    expect(files()).not.toContain('.beads/issues.jsonl');
    const parts = files().filter((path) => path.startsWith('.beads/shard/'));
    expect(new Set(parts)).toEqual(new Set(lines(a.store).map((_, at) => shardPath(`t-${at}`))));
    await cycle(b);
    expect(lines(b.store)).toEqual(lines(a.store));
    expect(await cycle(b)).toMatchObject({ end: 'shared', pushed: 0, imported: 0 });
    expect(JSON.parse(sandbox.git(remote, 'show', 'beads-sync:.beads/format.json'))).toMatchObject({
      format: 2,
    });
    sandbox.git(remote, 'fsck', '--strict');
  });

  it('changes one part for one issue, and takes in only what changed', async () => {
    const [a, b] = [clone('a'), clone('b')];
    fill(a.store);
    await cycle(a);
    await cycle(b);
    put(a.store, issue('t-7', { title: 'Changed', updated_at: LATER }));
    await cycle(a);
    expect(changed()).toEqual([shardPath('t-7')]);
    const read = vi.spyOn(b.branch.objects, 'read');
    expect(await cycle(b)).toMatchObject({ imported: 1, end: 'shared' });
    // The tree of the parts, and the part that changed.
    const blob = sandbox.git(remote, 'rev-parse', `beads-sync:${shardPath('t-7')}`);
    const tree = sandbox.git(remote, 'rev-parse', 'beads-sync:.beads/shard');
    expect(read.mock.calls).toEqual([[[tree]], [[blob]]]);
    put(b.store, issue('t-8', { title: 'Changed there', updated_at: LATER }));
    put(a.store, issue('t-9', { title: 'Changed here', updated_at: LATER }));
    await cycle(b);
    await cycle(a);
    expect(changed()).toEqual([shardPath('t-9')]);
    await cycle(b);
    expect(lines(b.store)).toEqual(lines(a.store));
  });

  it('reads only the part of an issue that changes while it is sent', async () => {
    const a = clone('a');
    fill(a.store);
    await cycle(a);
    const read = vi.spyOn(a.branch.objects, 'read');
    put(a.store, issue('t-7', { title: 'Changed', updated_at: LATER }));
    await cycle(a, a.branch, (step) => {
      if (step === 'pushed') put(a.store, issue('t-7', { title: 'Again', updated_at: LATER }));
    });
    const blob = sandbox.git(remote, 'rev-parse', `beads-sync:${shardPath('t-7')}`);
    expect(read.mock.calls).toEqual([[[blob]]]);
    expect(a.store.outbox.pending().ids).toEqual(['t-7']);
    const { id } = a.store.replica;
    expect(a.store.outbox.sharedCounter('t-7')).toBe(
      counterAt(a.store.issues.state('t-7')?.vector ?? new Map(), id()) - 1,
    );
  });

  it('stays in parts when it gets small, and a new process writes the same', async () => {
    const [a, b] = [clone('a'), clone('b')];
    fill(a.store);
    await cycle(a);
    await cycle(b);
    for (let at = 0; at < 65; at++) {
      put(b.store, issue(`t-${at}`, { description: 'short', updated_at: LATER }));
    }
    await cycle(b);
    expect(files()).not.toContain('.beads/issues.jsonl');
    const tip = sandbox.git(remote, 'rev-parse', 'beads-sync');
    await cycle(a);
    a.store.state.delete('pushed_tip');
    expect((await cycle(a)).end).toBe('shared');
    expect(sandbox.git(remote, 'rev-parse', 'beads-sync')).toBe(tip);
  });

  it('becomes large while other clones know it as one file', async () => {
    const [a, b] = [clone('a'), clone('b')];
    put(a.store, issue('t-a'));
    await cycle(a);
    await cycle(b);
    expect(files()).toContain('.beads/issues.jsonl');
    fill(a.store);
    put(b.store, issue('t-b'));
    await cycle(a);
    for (const each of [b, a]) expect((await cycle(each)).end).toBe('shared');
    expect(files()).not.toContain('.beads/issues.jsonl');
    expect(lines(b.store)).toEqual(lines(a.store));
    expect(lines(a.store)).toHaveLength(67);
  });
});
