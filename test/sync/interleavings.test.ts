import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { classicPart } from '../../src/core/causal/decode-line.ts';
import { restoreWrite } from '../../src/core/causal/write.ts';
import { encodeIssueLine, parseIssueLine } from '../../src/core/issue-line.ts';
import type { Issue } from '../../src/core/issue.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { IssueTree } from '../../src/sync/branch/issue-tree.ts';
import { MirrorFile, type Mirror } from '../../src/sync/mirror/mirror-file.ts';
import type { SyncBranch } from '../../src/sync/branch/sync-branch.ts';
import { runBranchCycle } from '../../src/sync/branch/branch-cycle.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../support/property-runs.ts';
import { issue, lines } from './fixture.ts';
import { createMemoryRemote, type MemoryRemote } from './memory-branch.ts';
import { createSandbox, type Sandbox } from '../support/sandbox.ts';

const CLONES = 3;
const IDS = ['t-0', 't-1'] as const;

const EDITS = ['title', 'label', 'unlabel', 'comment', 'text', 'delete', 'restore'] as const;
const ACTS = [
  ...EDITS,
  'title',
  'label',
  'file',
  'foreign',
  'flush',
  'sync',
  'sync',
  'sync',
  'edit while pushing',
  'die after write',
  'die after push',
] as const;

interface Step {
  act: (typeof ACTS)[number];
  clone: number;
  id: (typeof IDS)[number];
  edit: (typeof EDITS)[number];
  pick: number;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    act: fc.constantFrom(...ACTS),
    clone: fc.nat({ max: CLONES - 1 }),
    id: fc.constantFrom(...IDS),
    edit: fc.constantFrom(...EDITS),
    pick: fc.nat({ max: 9 }),
  }),
  { maxLength: 30, size: '+1' },
);

/** What a user did, and all that the user could know of at that time. */
interface Event {
  past: ReadonlySet<Event>;
  id: string;
  /** `title`, `deleted`, or a label or comment that has its own name. */
  key: string;
  /** Undefined for what was taken away. */
  value: string | undefined;
}

interface Clone {
  store: Store;
  mirror: Mirror;
  path: string;
  branch: SyncBranch;
  issueTree: IssueTree;
  clock: FakeClock;
  faults: { dieAfter?: 'write' | 'push' | undefined };
  replica: string;
  known: Set<Event>;
  /** What the file beside the store tells. */
  inFile: Set<Event>;
}

interface World {
  sandbox: Sandbox;
  remote: MemoryRemote;
  onBranch: Set<Event>;
  clones: Clone[];
  number: number;
}

async function play(history: readonly Step[], skews: readonly number[]): Promise<World> {
  const sandbox = createSandbox();
  const remote = createMemoryRemote();
  const world: World = { sandbox, remote, onBranch: new Set(), clones: [], number: 0 };
  for (let at = 0; at < CLONES; at++) {
    const clock = createFakeClock(Date.UTC(2026, 0, 2) + (skews[at] ?? 0));
    const store = openStore(`${sandbox.directory}/${at}.db`, { clock });
    const path = `${sandbox.directory}/${at}.jsonl`;
    const pause = (): Promise<void> => Promise.resolve();
    const quarantineDirectory = `${sandbox.directory}/quarantine`;
    const mirror = new MirrorFile({ path, quarantineDirectory, store, clock, pause });
    const faults: Clone['faults'] = {};
    const branch = remote.branch(faults);
    const issueTree = new IssueTree(store, branch.objects);
    const [replica, known, inFile] = [store.replica.id(), new Set<Event>(), new Set<Event>()];
    world.clones.push({
      store,
      mirror,
      path,
      branch,
      issueTree,
      clock,
      faults,
      replica,
      known,
      inFile,
    });
  }
  const [first] = world.clones;
  for (const id of IDS) edit(first!, issue(id));
  for (const clone of world.clones) {
    await sync(world, clone);
    await flush(clone);
  }
  for (const step of history) await take(world, step);
  return world;
}

async function take(world: World, step: Step): Promise<void> {
  const clone = world.clones[step.clone]!;
  for (const { clock } of world.clones) clock.advance(1_000);
  switch (step.act) {
    case 'flush':
      return flush(clone);
    case 'sync':
      return sync(world, clone);
    case 'die after write':
    case 'die after push':
      clone.faults.dieAfter = step.act === 'die after push' ? 'push' : 'write';
      await sync(world, clone);
      clone.faults.dieAfter = undefined;
      return;
    case 'edit while pushing': {
      const { branch } = clone;
      const writing: SyncBranch = {
        ...branch,
        push(...args) {
          makeEdit(world, clone, step);
          return branch.push(...args);
        },
      };
      return sync(world, clone, writing);
    }
    case 'file':
      return editFile(world, clone, step);
    case 'foreign':
      return commitForeign(world, clone, step);
    default:
      return makeEdit(world, clone, { ...step, edit: step.act });
  }
}

function edit(clone: Clone, changed: Issue): void {
  const change = { kind: 'updated', actor: 'ann', origin: 'local' } as const;
  clone.store.transaction(() =>
    clone.store.edits.put(changed, { ...change, atMs: clone.clock.nowMs() }),
  );
}

function makeEdit(world: World, clone: Clone, step: Step): void {
  const before = clone.store.issues.get(step.id)!;
  if (step.edit === 'restore') {
    if (before.status !== 'tombstone') return;
    const change = { kind: 'restored', actor: 'ann', origin: 'local' } as const;
    const atMs = clone.clock.nowMs();
    clone.store.edits.write(before.id, [restoreWrite()], { ...change, atMs });
    note(clone.known, { id: step.id, key: 'deleted', value: undefined });
    return;
  }
  const made = changed(world, before, step);
  if (made === undefined) return;
  edit(clone, made.issue);
  if (made.key !== 'text') note(clone.known, { id: step.id, ...made });
}

interface Made {
  issue: Issue;
  key: string;
  value: string | undefined;
}

/** The issue as one edit leaves it; every value occurs once in a history. */
function changed(world: World, before: Issue, { edit: kind, pick }: Step): Made | undefined {
  const value = `v${(world.number += 1)}`;
  const { labels = [], comments = [], description = 'a\nb\nc\nd\ne' } = before;
  switch (kind) {
    case 'title':
      return { issue: { ...before, title: value }, key: 'title', value };
    case 'label':
      return { issue: { ...before, labels: [...labels, value].sort() }, key: value, value };
    case 'unlabel': {
      const gone = labels[pick % Math.max(labels.length, 1)];
      // A tombstone only deletes: users do not edit one, and no tool can.
      if (gone === undefined || before.status === 'tombstone') return undefined;
      const kept = labels.filter((label) => label !== gone);
      return { issue: { ...before, labels: kept }, key: gone, value: undefined };
    }
    case 'comment': {
      const created_at = before.updated_at;
      const comment = { id: world.number, author: 'ann', text: value, created_at };
      return { issue: { ...before, comments: [...comments, comment] }, key: value, value };
    }
    case 'text': {
      const rows = description.split('\n');
      rows[pick % rows.length] = value;
      return { issue: { ...before, description: rows.join('\n') }, key: 'text', value };
    }
    default: {
      if (before.status === 'tombstone') return undefined;
      const issue = { ...before, status: 'tombstone', deleted_at: before.updated_at };
      return { issue, key: 'deleted', value };
    }
  }
}

function union(left: ReadonlySet<Event>, right: ReadonlySet<Event>): Set<Event> {
  return new Set([...left, ...right]);
}

function note(known: Set<Event>, event: Omit<Event, 'past'>): void {
  known.add({ ...event, past: new Set(known) });
}

/** The rows as a tool leaves them that does not know `_bd`: one issue changed. */
function rewrite(
  world: World,
  rows: readonly string[],
  { step, known, nowMs }: { step: Step; known: Set<Event>; nowMs: number },
): string[] {
  return rows.map((row) => {
    const parsed = parseIssueLine(classicPart(row), 0);
    if ('problem' in parsed || parsed.issue.id !== step.id) return row;
    const made = changed(world, parsed.issue, step);
    // Tools that are older than a deletion drop it; what that means is told elsewhere.
    if (made === undefined || made.key === 'deleted') return row;
    if (made.key !== 'text') note(known, { id: step.id, ...made });
    const { opaque: _, ...plain } = made.issue;
    const updatedMs = Math.max(nowMs, Date.parse(plain.updated_at) + 1);
    return encodeIssueLine({ ...plain, updated_at: new Date(updatedMs).toISOString() });
  });
}

function rowsOf(content: Buffer): string[] {
  return content.toString().split('\n').slice(0, -1);
}

function textOf(rows: readonly string[]): Buffer {
  return Buffer.from(rows.map((row) => `${row}\n`).join(''));
}

function editFile(world: World, clone: Clone, step: Step): void {
  const made = { step, known: clone.inFile, nowMs: clone.clock.nowMs() };
  writeFileSync(clone.path, textOf(rewrite(world, rowsOf(readFileSync(clone.path)), made)));
}

/** On top of the branch as it is. */
function commitForeign(world: World, clone: Clone, step: Step): void {
  const made = { step, known: world.onBranch, nowMs: clone.clock.nowMs() };
  const rows = rowsOf(world.remote.content());
  const rewritten = rewrite(world, rows, made);
  if (rewritten.some((row, at) => row !== rows[at])) world.remote.commitForeign(textOf(rewritten));
}

async function flush(clone: Clone): Promise<void> {
  await clone.mirror.flush();
  clone.known = union(clone.known, clone.inFile);
  clone.inFile = new Set(clone.known);
}

async function sync(world: World, clone: Clone, branch = clone.branch): Promise<void> {
  const { store, clock, issueTree } = clone;
  const tip = world.remote.tip;
  clone.known = union(clone.known, world.onBranch);
  const sent = new Set(clone.known);
  await runBranchCycle({
    store,
    branch,
    issueTree,
    reached: () => {},
    clock,
    random: () => 0,
    pause: () => Promise.resolve(),
    quarantineDirectory: `${world.sandbox.directory}/quarantine`,
    push: true,
    signal: new AbortController().signal,
  });
  if (world.remote.tip !== tip) world.onBranch = sent;
}

/** All clones sync until none has news. Returns how many rounds that took. */
async function settle(world: World): Promise<number> {
  for (let round = 1; round <= 9; round++) {
    const { tip } = world.remote;
    for (const clone of world.clones) {
      await flush(clone);
      await sync(world, clone);
      await flush(clone);
    }
    if (world.remote.tip === tip) return round;
  }
  return Infinity;
}

function close(world: World): void {
  for (const { store } of world.clones) store.close();
  world.sandbox[Symbol.dispose]();
}

/** Whether a user who knew of it wrote the same key later. */
function isReplaced(event: Event, all: ReadonlySet<Event>): boolean {
  return [...all].some(
    (later) => later.past.has(event) && later.id === event.id && later.key === event.key,
  );
}

function expectNothingLost(store: Store, all: ReadonlySet<Event>): void {
  for (const event of all) {
    const { id, key, value } = event;
    const state = store.issues.state(id)!;
    if (key === 'deleted') continue;
    const told = [...state.entries].flatMap(([name, siblings]) => [
      name.slice(2),
      ...siblings.map(({ value: held }) =>
        typeof held === 'object' && 'text' in held ? held.text : held,
      ),
    ]);
    const isThere = told.includes(value ?? key);
    const isDue = value !== undefined && !isReplaced(event, all);
    if (isDue) expect(told, `${id} ${key}: an edit was lost`).toContain(value);
    const isGone = value === undefined && !isReplaced(event, all);
    if (isGone) expect(isThere, `${id} ${key}: came back`).toBe(false);
  }
  for (const id of IDS) {
    const deletions = [...all].filter((event) => event.id === id && event.key === 'deleted');
    const isDeleted = deletions.some(
      (event) => event.value !== undefined && !isReplaced(event, all),
    );
    expect(store.issues.get(id)?.status === 'tombstone', `${id} deleted`).toBe(isDeleted);
  }
}

const skews = fc.array(fc.constantFrom(0, 0, 5_000, -3_600_000, 86_400_000 * 400), {
  minLength: CLONES,
  maxLength: CLONES,
});

test(
  'clones that meet in any order, through faults and other tools, lose nothing and agree',
  async () => {
    await fc.assert(
      fc.asyncProperty(steps, skews, async (history, clocks) => {
        const world = await play(history, clocks);
        try {
          expect(await settle(world)).toBeLessThan(5);
          const [first, ...others] = world.clones;
          for (const { store } of others) expect(lines(store)).toEqual(lines(first!.store));
          expect(rowsOf(world.remote.content())).toEqual(lines(first!.store));
          for (const { path } of world.clones)
            expect(rowsOf(readFileSync(path))).toEqual(lines(first!.store));
          expectNothingLost(first!.store, first!.known);
          for (const { store, replica } of world.clones) expect(store.replica.id()).toBe(replica);
        } finally {
          close(world);
        }
      }),
      propertyRuns(12),
    );
  },
  PROPERTY_TIMEOUT_MS,
);
