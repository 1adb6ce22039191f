import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restoreWrite } from '../../src/core/causal/write.ts';
import { parseIssueLine, type IssueJson } from '../../src/core/issue-line.ts';
import { compareBytes, type Issue } from '../../src/core/issue.ts';
import {
  COUNT_GROUPS,
  SORT_NAMES,
  type CountGroup,
  type IssueFilter,
  type SortName,
} from '../../src/core/query.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openSqlite } from '../../src/platform/sqlite.ts';
import type { Change } from '../../src/store/event-log.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { createRandom, type Random } from '../support/random.ts';

/** Queries are compared with the same questions asked of each record, one by one. */

const NOW_MS = Date.parse('2026-03-03T00:00:00Z');
const DAY_MS = 86_400_000;
const PEOPLE = ['mia', 'bob', 'Zoë'];
const STATUSES = ['open', 'open', 'open', 'in_progress', 'deferred', 'closed', 'pinned', 'mine'];
const TYPES = ['task', 'task', 'bug', 'epic'];
const LABELS = ['a', 'b', 'c'];
const WORDS = [
  'Kite',
  'kites',
  'STRASSE',
  'Straße',
  'İstanbul',
  'ΟΔΟΣ',
  'one\nΣ',
  'line\nbreak',
  '<b>',
  '"x"',
  '\\d+',
  '課題管理',
  '👍🏽👍',
  'half \ud83d of it',
  'nul\0byte',
  'title',
  '\u2028',
  '%_*',
  'AND OR',
  'K',
];
const IDS = Array.from({ length: 120 }, (_, at) =>
  at % 10 === 0 ? `t-${at}.1` : at % 7 === 0 ? `t-sub-${at}` : `t-${at}`,
);

let directory: string;
let store: Store;
/** As it is after the history. */
let issues: readonly IssueJson[];
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'bd-queries-'));
  store = openStore(join(directory, 'beads.db'), { clock: systemClock });
  const random = createRandom(20261129);
  for (const id of IDS) write(id, random);
  for (let step = 0; step < 300; step++) {
    write(random.pick(IDS), random);
    // In the end some texts are in the index, some only in an earlier version, and some not at all.
    if (step < 280 && random.chance(0.1)) store.search.indexWaiting(20);
  }
  issues = IDS.flatMap((id) => store.issues.json(id) ?? []);
});
afterAll(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

function write(id: string, random: Random): void {
  const change: Change = { kind: 'updated', actor: 'mia', origin: 'local', atMs: NOW_MS };
  const isDeleted = store.issues.get(id)?.status === 'tombstone';
  store.transaction(() => {
    if (isDeleted) store.edits.write(id as Issue['id'], [restoreWrite()], change);
    const line = JSON.stringify({ ...randomFields(id, random), id });
    store.edits.put((parseIssueLine(line, 0) as { issue: Issue }).issue, change);
  });
}

function randomFields(id: string, random: Random): Record<string, unknown> {
  // Few different times, so that the other terms of an order decide too.
  const time = (days: number): string =>
    new Date(NOW_MS - random.below(days) * DAY_MS).toISOString();
  const some = <T>(value: () => T): T | undefined => (random.chance(0.4) ? value() : undefined);
  const status = random.chance(0.1) ? 'tombstone' : random.pick(STATUSES);
  const text = (): string => `${random.pick(WORDS)} ${random.pick(WORDS)}`;
  const edge = (type: string) => ({ issue_id: id, depends_on_id: random.pick(IDS), type });
  return {
    // SQLite's collation ends a text at a NUL.
    title: text().replaceAll('\0', ' '),
    description: some(text),
    notes: some(text),
    design: some(text),
    status,
    priority: random.below(5),
    issue_type: random.pick(TYPES),
    assignee: some(() => random.pick(PEOPLE)),
    created_at: time(6),
    updated_at: time(6),
    closed_at: status === 'closed' ? time(3) : undefined,
    due_at: some(() => time(10)),
    defer_until: random.chance(0.2)
      ? new Date(NOW_MS + (random.below(5) - 2) * DAY_MS).toISOString()
      : undefined,
    // Keys that bd does not know may hold anything.
    content_hash: some(() => ({ a: 1, status: 'closed' })),
    pinned: random.chance(0.1) || undefined,
    labels: some(() => [random.pick(LABELS), random.pick(LABELS)]),
    comments: some(() => [{ id: 1, author: 'mia', text: 'x', created_at: time(2) }]),
    dependencies: [edge(random.pick(['blocks', 'parent-child', 'related']))].filter(
      ({ depends_on_id: target }) => target !== id && random.chance(0.5),
    ),
  };
}

type Test = (issue: IssueJson, value: never) => boolean;

const ms = (time: string | undefined): number => (time === undefined ? NaN : Date.parse(time));
const holds = (text: string | undefined, part: string): boolean =>
  text?.toLowerCase().includes(part.toLowerCase()) ?? false;
const isPinned = ({ pinned, status }: IssueJson): boolean => pinned === true || status === 'pinned';

const known = new Map<string, boolean>();

function isBlocked(issue: IssueJson): boolean {
  const blocked = known.get(issue.id) ?? isHeldUp(issue);
  known.set(issue.id, blocked);
  return blocked;
}

/** Whether an open issue holds it up, or an ancestor. */
function isHeldUp(issue: IssueJson): boolean {
  const seen = new Set<string>([issue.id]);
  for (const id of seen) {
    const own = store.issues.json(id);
    if (own === undefined) continue;
    const edges = own.status === 'tombstone' ? [] : store.graph.edges(id, 'down');
    const isOpen = (target: string): boolean => {
      const { status = 'closed' } = store.issues.json(target) ?? {};
      return !['closed', 'tombstone', 'pinned'].includes(status);
    };
    const counts = ({ depends_on_id: to, type }: { depends_on_id: string; type: string }) =>
      !store.cycles
        .suppressed()
        .some((edge) => edge.issue_id === id && edge.depends_on_id === to && edge.type === type);
    const living = edges.filter(counts);
    if (isOpen(id) && living.some((edge) => edge.type === 'blocks' && isOpen(edge.depends_on_id))) {
      return true;
    }
    for (const edge of living) if (edge.type === 'parent-child') seen.add(edge.depends_on_id);
  }
  return false;
}

const TESTS: { [Name in keyof Required<IssueFilter>]: Test } = {
  ids: (issue, ids: string[]) => ids.includes(issue.id),
  statuses: (issue, statuses: string[]) => statuses.includes(issue.status),
  exclude_statuses: (issue, statuses: string[]) => !statuses.includes(issue.status),
  priority: (issue, priority: number) => issue.priority === priority,
  priority_min: (issue, least: number) => issue.priority >= least,
  priority_max: (issue, most: number) => issue.priority <= most,
  issue_type: (issue, type: string) => issue.issue_type === type,
  assignee: (issue, name: string) => issue.assignee === name,
  no_assignee: (issue) => issue.assignee === undefined,
  labels: (issue, labels: string[]) => labels.every((label) => issue.labels?.includes(label)),
  labels_any: (issue, labels: string[]) => labels.some((label) => issue.labels?.includes(label)),
  no_labels: (issue) => (issue.labels ?? []).length === 0,
  parent_id: (issue, parent: string) =>
    issue.status !== 'tombstone' &&
    (issue.dependencies ?? []).some(
      ({ type, depends_on_id: target }) => type === 'parent-child' && target === parent,
    ),
  text: (issue, part: string) =>
    ['id', 'title', 'description', 'design', 'acceptance_criteria', 'notes'].some((field) =>
      holds(issue[field as 'title'], part),
    ),
  title_contains: (issue, part: string) => holds(issue.title, part),
  description_contains: (issue, part: string) => holds(issue.description, part),
  notes_contains: (issue, part: string) => holds(issue.notes, part),
  empty_description: (issue) => (issue.description ?? '') === '',
  created_after: (issue, time: string) => ms(issue.created_at) > ms(time),
  created_before: (issue, time: string) => ms(issue.created_at) < ms(time),
  updated_after: (issue, time: string) => ms(issue.updated_at) > ms(time),
  updated_before: (issue, time: string) => ms(issue.updated_at) < ms(time),
  closed_after: (issue, time: string) => ms(issue.closed_at) > ms(time),
  closed_before: (issue, time: string) => ms(issue.closed_at) < ms(time),
  due_after: (issue, time: string) => ms(issue.due_at) > ms(time),
  due_before: (issue, time: string) => ms(issue.due_at) < ms(time),
  deferred: (issue, wanted: boolean) =>
    (issue.status === 'deferred' || issue.defer_until !== undefined) === wanted,
  pinned: (issue, wanted: boolean) => isPinned(issue) === wanted,
  blocked: (issue, wanted: boolean) => isBlocked(issue) === wanted,
  ready_at_ms: (issue, atMs: number) =>
    issue.status === 'open' &&
    !isPinned(issue) &&
    !isBlocked(issue) &&
    !(ms(issue.defer_until) > atMs),
};

function matching(filter: IssueFilter): IssueJson[] {
  const isDeletedFound = filter.statuses !== undefined || filter.ready_at_ms !== undefined;
  return issues
    .filter((issue) => isDeletedFound || issue.status !== 'tombstone')
    .filter((issue) =>
      Object.entries(filter).every(([name, value]) =>
        TESTS[name as keyof IssueFilter](issue, value as never),
      ),
    );
}

type Key = (issue: IssueJson) => number | string;
const byTime =
  (field: 'created_at' | 'updated_at' | 'closed_at', sign: 1 | -1): Key =>
  (issue) =>
    issue[field] === undefined ? (sign === 1 ? -Infinity : Infinity) : sign * ms(issue[field]);
const BY_PRIORITY: Key[] = [({ priority }) => priority, byTime('created_at', -1)];
// SQLite folds the letters of ASCII only.
const folded = (text: string): string =>
  text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
const isRecent = (issue: IssueJson): boolean => ms(issue.created_at) >= NOW_MS - 2 * DAY_MS;

const KEYS: Record<SortName, Key[]> = {
  priority: BY_PRIORITY,
  created: [byTime('created_at', -1)],
  updated: [byTime('updated_at', -1)],
  closed: [byTime('closed_at', -1)],
  status: [({ status }) => status, ...BY_PRIORITY],
  id: [],
  title: [({ title }) => folded(title)],
  type: [({ issue_type: type }) => type, ...BY_PRIORITY],
  assignee: [({ assignee = '' }) => assignee, ...BY_PRIORITY],
  hybrid: [
    (issue) => Number(!isRecent(issue)),
    (issue) => (isRecent(issue) ? issue.priority : 0),
    (issue) => (isRecent(issue) ? -ms(issue.created_at) : ms(issue.created_at)),
  ],
  oldest: [byTime('created_at', 1)],
};

function sorted(issues: readonly IssueJson[], sort: SortName): IssueJson[] {
  const keys = [...KEYS[sort], ({ id }: IssueJson) => id];
  return [...issues].sort((left, right) => {
    for (const key of keys) {
      const [a, b] = [key(left), key(right)];
      const order = typeof a === 'string' ? compareBytes(a, String(b)) : a - Number(b) || 0;
      if (order !== 0) return order;
    }
    return 0;
  });
}

function randomFilter(random: Random): IssueFilter {
  const time = (): string => new Date(NOW_MS - random.below(6) * DAY_MS).toISOString();
  const values: { [Name in keyof Required<IssueFilter>]: () => IssueFilter[Name] } = {
    ids: () => Array.from({ length: 30 }, () => random.pick(IDS)),
    statuses: () => [random.pick(STATUSES), random.pick([...STATUSES, 'tombstone'])],
    exclude_statuses: () => [random.pick(['closed', 'open', 'none'])],
    priority: () => random.below(5),
    priority_min: () => random.below(5),
    priority_max: () => random.below(5),
    issue_type: () => random.pick(TYPES),
    assignee: () => random.pick(PEOPLE),
    no_assignee: () => true,
    labels: () => [random.pick(LABELS)],
    labels_any: () => [random.pick(LABELS), random.pick(LABELS)],
    no_labels: () => true,
    parent_id: () => random.pick(IDS),
    text: () => randomPart(random),
    title_contains: () => randomPart(random),
    description_contains: () => randomPart(random),
    notes_contains: () => randomPart(random),
    empty_description: () => true,
    created_after: time,
    created_before: time,
    updated_after: time,
    updated_before: time,
    closed_after: time,
    closed_before: time,
    due_after: time,
    due_before: time,
    deferred: () => random.chance(0.5),
    pinned: () => random.chance(0.5),
    blocked: () => random.chance(0.5),
    ready_at_ms: () => NOW_MS,
  };
  const names = Object.keys(values) as (keyof IssueFilter)[];
  const filter: IssueFilter = {};
  const choose = (name: keyof IssueFilter): void => {
    Object.assign(filter, { [name]: values[name]() });
  };
  if (random.chance(0.3)) choose('ready_at_ms');
  for (let count = random.below(3); count > 0; count--) choose(random.pick(names));
  return filter;
}

function randomPart(random: Random): string {
  const text = `t-${random.below(120)} ${random.pick(WORDS)} ${random.pick(WORDS)}`;
  const characters = Array.from(text);
  const from = random.below(characters.length - 1);
  const part = characters.slice(from, from + 1 + random.below(6)).join('');
  return random.chance(0.5) ? part.toUpperCase() : part;
}

const groupsOf: Record<CountGroup, (issue: IssueJson) => readonly string[]> = {
  status: ({ status }) => [status],
  priority: ({ priority }) => [`P${priority}`],
  type: ({ issue_type: type }) => [type],
  assignee: ({ assignee }) => [assignee ?? '(unassigned)'],
  label: ({ labels }) => ((labels ?? []).length === 0 ? ['(no labels)'] : (labels ?? [])),
};

describe('whatever the filter', () => {
  test('the same issues are found and counted as by looking at each, in the order asked for', () => {
    const random = createRandom(7);
    let found = 0;
    for (let round = 0; round < 1_000; round++) {
      const filter = randomFilter(random);
      const all = matching(filter);
      const sort = random.pick(SORT_NAMES);
      const [reverse, limit] = [random.chance(0.3), random.pick([0, 1, 5, 1_000])];
      const expected = reverse ? sorted(all, sort).reverse() : sorted(all, sort);
      const order = { sort, reverse, limit, nowMs: NOW_MS };
      const { rows, total } = store.queries.page(filter, order);
      const what = JSON.stringify({ filter, sort, reverse, limit });
      const ids = rows.map(({ record }) => (JSON.parse(record) as IssueJson).id);
      expect(ids, what).toEqual(expected.slice(0, limit || undefined).map(({ id }) => id));
      expect([total, store.queries.count(filter)], what).toEqual([all.length, all.length]);
      const group = random.pick(COUNT_GROUPS);
      const groups = all.flatMap(groupsOf[group]).toSorted(compareBytes);
      const counts = new Map<string, number>();
      for (const name of groups) counts.set(name, (counts.get(name) ?? 0) + 1);
      expect(store.queries.countBy(filter, group), what).toEqual(
        [...counts].map(([name, count]) => ({ group: name, count })),
      );
      found += all.length;
    }
    expect(found).toBeGreaterThan(5_000);
  });
});

test('the totals are those of counting each', () => {
  for (const assignee of [undefined, ...PEOPLE]) {
    const count = (filter: IssueFilter): number => matching({ ...filter, ...who }).length;
    const who = assignee === undefined ? {} : { assignee };
    expect(store.queries.totals(assignee)).toEqual({
      total: count({}),
      open: count({ statuses: ['open'] }),
      in_progress: count({ statuses: ['in_progress'] }),
      closed: count({ statuses: ['closed'] }),
      deferred: count({ statuses: ['deferred'] }),
      tombstone: count({ statuses: ['tombstone'] }),
      blocked: count({ blocked: true }),
      pinned: count({ pinned: true }),
    });
  }
});

test('the kept counts are those of counting again, so is the lead time', () => {
  // `openSqlite` keeps the handle: on Node 24 a collected one ends the process.
  const database = openSqlite(join(directory, 'beads.db'), { isReadonly: true });
  const columns = 'status, issue_type, priority, pinned, blocked, off_queue';
  const counted = database
    .prepare(
      `SELECT ${columns}, defer_ms IS NOT NULL AS deferred, count(*) AS issues,
         count(closed_ms) AS closed, coalesce(sum(closed_ms - created_ms), 0) AS lead_ms
       FROM issues GROUP BY ${columns}, deferred`,
    )
    .all();
  const kept = database.prepare('SELECT * FROM issue_counts WHERE issues <> 0').all();
  expect(kept).toEqual(counted);
  expect(kept.length).toBeGreaterThan(50);
  const leadTime = `SELECT avg(closed_ms - created_ms) FROM issues
    WHERE status = 'closed' AND closed_ms IS NOT NULL`;
  expect(store.queries.averageLeadTimeMs()).toBe(database.prepare(leadTime).pluck().get());
  database.close();
  const topLevel = IDS.filter((id) => !id.includes('.'));
  const sub = topLevel.filter((id) => id.startsWith('t-sub-'));
  expect(store.queries.idCount('t-sub')).toBe(sub.length);
  expect(store.queries.idCount('t')).toBe(topLevel.length - sub.length);
  expect(store.queries.idCount('none')).toBe(0);
});

test('ids are found by their beginning, or by that of what is behind the last hyphen', () => {
  const living = issues.filter(({ status }) => status !== 'tombstone').map(({ id }) => id);
  for (const text of [
    't',
    't-',
    't-1',
    't-sub-',
    '1',
    '11',
    '10.',
    'sub',
    't-119',
    'T',
    'é',
    '~',
  ]) {
    const found = living.filter(
      (id) => id.startsWith(text) || /[^-]*$/.exec(id)?.[0].startsWith(text),
    );
    expect(store.queries.idsStarting(text, 1_000), text).toEqual(found.toSorted(compareBytes));
    expect(store.queries.idsStarting(text, 2), text).toHaveLength(Math.min(2, found.length));
  }
});

describe('a text', () => {
  const found = (text: string): string[] =>
    store.queries.select({ text }, { sort: 'id', limit: 0, nowMs: NOW_MS }).map(({ id }) => id);
  const expected = (text: string): string[] =>
    matching({ text })
      .map(({ id }) => id)
      .toSorted(compareBytes);

  test('is found wherever it is part of one, also when it is short, and in no other key of the line', () => {
    const random = createRandom(11);
    const texts = issues.flatMap(({ title, description = '', notes = '' }) => [
      title,
      description,
      notes,
    ]);
    for (let round = 0; round < 1_500; round++) {
      const text = random.pick(texts);
      const from = random.below(text.length);
      const part = text.slice(from, from + 1 + random.below(12));
      // Half a character cannot be given to SQLite.
      if (part === '' || /\p{Surrogate}/u.test(part)) continue;
      const asked = random.pick([part, part.toUpperCase(), part.toLowerCase(), `${part}z`]);
      expect(found(asked), JSON.stringify(asked)).toEqual(expected(asked));
    }
    for (const key of ['_bd', 'created_at', 'mia', '"}', 'x'.repeat(100)]) {
      expect(found(key), key).toEqual(expected(key));
    }
  });

  test('is found before and after the index is brought up to date, which ends', () => {
    const before = found('kite');
    expect(before.length).toBeGreaterThan(10);
    let turns = 0;
    while (store.search.indexWaiting(7)) turns += 1;
    expect(turns).toBeGreaterThan(1);
    expect(found('kite')).toEqual(before);
    expect(store.search.indexWaiting(7)).toBe(false);
    write('t-2', createRandom(3));
    store.transaction(() =>
      store.edits.put(
        { ...(store.issues.get('t-2') as Issue), title: 'Sextant' },
        {
          kind: 'updated',
          actor: 'mia',
          origin: 'local',
          atMs: NOW_MS,
        },
      ),
    );
    expect(found('exta')).toEqual(['t-2']);
    expect(store.search.indexWaiting(7)).toBe(false);
    expect(found('exta')).toEqual(['t-2']);
  });

  test('is looked for in one segment of the index after an import', () => {
    const change: Change = { kind: 'updated', actor: 'mia', origin: 'import', atMs: NOW_MS };
    const segments = (): unknown => {
      const database = openSqlite(join(directory, 'beads.db'), { isReadonly: true });
      // FTS5 has the number of the segment above the 37th bit; what is below 1 << 37 belongs to the whole index.
      const sql = 'SELECT count(DISTINCT id >> 37) FROM search_data WHERE id >> 37 > 0';
      const count = database.prepare(sql).pluck().get();
      database.close();
      return count;
    };
    const living = issues.filter(({ status }) => status !== 'tombstone').map(({ id }) => id);
    let rounds = 0;
    for (let indexed = 0; indexed < 1_000; indexed += living.length) {
      rounds += 1;
      store.transaction(() => {
        for (const id of living) {
          const issue = store.issues.get(id) as Issue;
          store.edits.put({ ...issue, design: `drawing ${rounds}` }, change);
        }
      });
      for (let left = living.length; left > 0; left -= 10) store.search.indexWaiting(10);
    }
    expect(segments()).toBeGreaterThan(1);
    while (store.search.indexWaiting(7));
    expect(segments()).toBe(1);
    expect(found(`drawing ${rounds}`)).toHaveLength(living.length);
    expect(found('drawing 1 ')).toEqual([]);
  });
});
