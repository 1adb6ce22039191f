import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Issue } from '../../../src/core/issue.ts';
import { initial } from '../../../src/store/migrations/001-initial.ts';
import {
  classic,
  conflicts,
  createClone,
  createRemote,
  createSandbox,
  issue,
  line,
  lines,
  openClone,
  put,
  type Clone,
  type Sandbox,
} from '../fixture.ts';

/** Stores with classic records, upgraded while they hold other versions of what the branch shows. */
let sandbox: Sandbox;
let remote: string;
let writer: Clone;
let open: Clone[];

beforeEach(() => {
  sandbox = createSandbox();
  remote = createRemote(sandbox);
  writer = createClone(sandbox, 'writer', { remote });
  open = [writer];
});
afterEach(() => {
  for (const { store } of open) store.close();
  sandbox.remove();
});

const edge = (from: string, to: string) => ({ issue_id: from, depends_on_id: to, type: 'blocks' });
const BEFORE = {
  description: 'As it was',
  labels: ['going', 'staying'],
  dependencies: [edge('t-a', 't-b')],
} satisfies Partial<Issue>;
const later = (hour: number): string => `2026-01-02T0${hour}:00:00.000Z`;

/** A commit as the first version made it; its name. */
function commitClassic(...rows: string[]): string {
  const { directory, beadsDir } = writer;
  writeFileSync(join(beadsDir, 'issues.jsonl'), rows.map((row) => `${row}\n`).join(''));
  sandbox.git(directory, 'add', '--force', '.beads/issues.jsonl');
  sandbox.git(directory, 'commit', '--quiet', '-m', 'classic');
  sandbox.git(directory, 'push', '--quiet', 'origin', 'HEAD:refs/heads/beads-sync');
  return sandbox.git(directory, 'rev-parse', 'HEAD');
}

/** A clone that the first version left behind: it had taken in `tip`, and `pending` was not sent. */
function upgraded(
  name: string,
  { tip, rows, pending = [] }: { tip: string; rows: string[]; pending?: string[] },
): Clone {
  const made = createClone(sandbox, name, { remote });
  made.store.close();
  sandbox.git(made.directory, 'fetch', '--quiet', 'origin', `${tip}:refs/bd/remote`);
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(join(made.beadsDir, `beads.db${suffix}`), { force: true });
  }
  const database = new BetterSqlite3(join(made.beadsDir, 'beads.db'));
  database.exec(initial);
  const insert = database.prepare(
    `INSERT INTO issues (id, record, status, priority, issue_type, created_ms, updated_ms,
       comment_count, pinned, off_queue, holds_up)
     SELECT line ->> '$.id', line, line ->> '$.status', 2, 'task', 1, 1, 0, 0, 0, 1
     FROM (SELECT ? AS line)`,
  );
  for (const row of rows) insert.run(row);
  for (const id of pending) database.prepare('INSERT INTO outbox VALUES (?, 1, 1)').run(id);
  database.exec(`INSERT INTO settings VALUES ('imported_tip', '${tip}');
    PRAGMA application_id = 1650746417; PRAGMA user_version = 1`);
  database.close();
  const clone = openClone(sandbox, made.directory);
  open.push(clone);
  return clone;
}

async function syncAll(...clones: Clone[]): Promise<void> {
  for (const _round of [1, 2, 3]) for (const { engine } of clones) await engine.syncNow();
  for (const { store } of clones) expect(lines(store)).toEqual(lines(clones[0]!.store));
}

it('changes that waited on two clones meet as changes: only what both changed is in conflict', async () => {
  const tip = commitClassic(line('t-a', BEFORE), line('t-b'));
  const ours = { ...BEFORE, title: 'Ours', priority: 0, labels: ['staying'], updated_at: later(1) };
  const theirs = { ...BEFORE, title: 'Theirs', notes: 'theirs', updated_at: later(2) };
  const a = upgraded('a', {
    tip,
    rows: [line('t-a', { ...ours, dependencies: [] }), line('t-b', { status: 'tombstone' })],
    pending: ['t-a', 't-b'],
  });
  const b = upgraded('b', { tip, rows: [line('t-a', theirs), line('t-b')], pending: ['t-a'] });
  await syncAll(a, b);
  expect(conflicts(a.store, 't-a')).toEqual(['title: "Theirs" | "Ours"']);
  const shown = a.store.issues.get('t-a');
  expect(shown).toMatchObject({ priority: 0, notes: 'theirs', labels: ['staying'] });
  expect(shown?.dependencies).toBeUndefined();
  expect(conflicts(a.store, 't-b')).toEqual([]);
});

it.each(['before', 'after'] as const)(
  'a clone that was behind takes what others did as it is, %s one of them sealed it',
  async (when) => {
    const rows = [line('t-a', { ...BEFORE, status: 'closed' }), line('t-b')];
    const tip = commitClassic(...rows);
    const news = { title: 'New', labels: ['staying'], updated_at: later(1) };
    const newRows = [line('t-a', news), line('t-b')];
    const newTip = commitClassic(...newRows);
    const ahead = upgraded('ahead', { tip: newTip, rows: newRows });
    const behind = upgraded('behind', { tip, rows });
    if (when === 'after') {
      put(ahead.store, issue('t-b', { title: 'Sealed', updated_at: later(2) }));
      await ahead.engine.syncNow();
    }
    await syncAll(behind, ahead);
    expect(classic(lines(behind.store))[0]).toBe(line('t-a', news));
    expect(conflicts(behind.store, 't-a')).toEqual([]);
  },
);

it('what was changed here after the upgrade stays beside what came meanwhile', async () => {
  const rows = [line('t-a', BEFORE)];
  const tip = commitClassic(...rows);
  const clone = upgraded('a', { tip, rows });
  put(clone.store, issue('t-a', { ...BEFORE, title: 'Here', priority: 1, updated_at: later(1) }));
  commitClassic(line('t-a', { ...BEFORE, title: 'There', updated_at: later(2) }));
  await syncAll(clone);
  expect(conflicts(clone.store, 't-a')).toEqual(['title: "There" | "Here"']);
  expect(clone.store.issues.get('t-a')?.priority).toBe(1);
});

it('once it took in news, a store has no say in what is put back to how it was', async () => {
  const rows = [line('t-a', BEFORE)];
  const tip = commitClassic(...rows);
  const [a, b] = [upgraded('a', { tip, rows }), upgraded('b', { tip, rows })];
  await syncAll(a, b);
  const was = issue('t-a').title;
  put(a.store, issue('t-a', { ...BEFORE, title: 'Other', updated_at: later(1) }));
  await syncAll(a, b);
  put(b.store, issue('t-a', { ...BEFORE, title: was, updated_at: later(2) }));
  await syncAll(b, a);
  expect(a.store.issues.get('t-a')?.title).toBe(was);
  expect(conflicts(a.store, 't-a')).toEqual([]);
});
