import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { IssueFilter } from '../../src/core/query.ts';
import { openPlace } from '../../src/place/workspace-place.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import { openSqlite, type Database } from '../../src/platform/sqlite.ts';
import type { Call } from '../../src/protocol/methods.ts';
import { defineTextFunctions } from '../../src/store/text-search.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace/workspace.ts';

/** How SQLite answers what the operations ask: by an index, whatever the size of the project. */

let directory: string;
let workspace: Workspace;
let call: Call;
const prepare = vi.spyOn(BetterSqlite3.prototype, 'prepare');
let database: Database;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'bd-plans-'));
  const beadsDir = join(directory, '.beads');
  mkdirSync(beadsDir);
  writeFileSync(join(beadsDir, 'metadata.json'), '{"project_id":"p"}');
  writeFileSync(join(beadsDir, 'config.yaml'), 'issue_prefix: t\n');
  workspace = await openWorkspace({
    place: openPlace(beadsDir),
    env: { HOME: directory, PATH: process.env['PATH'], USER: 'mia' },
    clock: systemClock,
    log: silentLog,
  });
  call = createCall(workspace);
  for (const id of ['t-1', 't-2', 't-1.1']) {
    await call('create_issue', { issue: { id, title: `Issue ${id}`, labels: ['a'] } });
  }
  await call('add_dependency', { issue_id: 't-1.1', depends_on_id: 't-2' });
  await call('close_issue', { issue_id: 't-1' });
  database = openSqlite(join(beadsDir, 'beads.db'), { isReadonly: true });
  defineTextFunctions(database);
});
afterAll(async () => {
  prepare.mockRestore();
  database.close();
  await workspace[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** Asks, and returns which steps of which new statements read a whole table or index of the project's size. */
async function scansOf(ask: () => Promise<unknown>): Promise<string[]> {
  prepare.mockClear();
  await ask();
  return [...new Set(prepare.mock.calls.map(([sql]) => sql))]
    .filter((sql) => /^\s*(SELECT|WITH)/.test(sql))
    .flatMap(scansIn);
}

/** In order, an index is read up to the limit only. */
function scansIn(sql: string): string[] {
  const positional = sql.replaceAll(/@\w+/g, '?');
  const values = [...positional.matchAll(/\?/g)].map(() => 1);
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${positional}`).all(...values);
  const steps = plan.map((step) => (step as { detail: string }).detail);
  const stopsEarly = /LIMIT (\?|@limit)$/.test(sql.trim()) && !steps.includes(SORT);
  return steps
    .filter((step) => LARGE.test(step) && !PARTIAL.test(step))
    .filter((step) => !(stopsEarly && step.includes('USING')))
    .map((step) => `${step}: ${sql.replaceAll(/\s+/g, ' ').trim()}`);
}

const SORT = 'USE TEMP B-TREE FOR ORDER BY';
const LARGE = /^SCAN (issues|dependencies|labels|events|versions|d|i|epic|child|target)\b/;

/** These indexes hold nothing but what is asked for. */
const PARTIAL =
  /INDEX (issues_blocked|issues_in_conflict|epics_open|ready_\w+|dependencies_suppressed)\b/;

const filters: IssueFilter[] = [
  {},
  { exclude_statuses: ['closed'] },
  { statuses: ['open', 'closed'] },
  { priority: 2 },
  { issue_type: 'bug', pinned: false },
  { blocked: true },
  { assignee: 'mia' },
  { labels: ['a', 'b'] },
  { labels_any: ['a'] },
  { parent_id: 't-1' },
  { ids: ['t-1'] },
  { text: 'issue' },
];

test('lists in the usual orders stop at their limit', async () => {
  const scans = await scansOf(async () => {
    for (const filter of filters) {
      for (const sort of ['priority', 'status', 'created', 'updated', 'oldest', 'id'] as const) {
        await call('list_issues', { filter, sort, limit: 1 });
        await call('list_issues', { filter, sort, limit: 1, reverse: true });
      }
      for (const sort of ['hybrid', 'priority', 'oldest'] as const) {
        await call('list_ready', { filter, sort, limit: 1 });
      }
    }
    await call('list_stale', { days: 30, limit: 50 });
    await call('list_blocked', {});
  });
  expect(scans).toEqual([]);
});

test('counts are kept, or those of the few issues that an index finds', async () => {
  const scans = await scansOf(async () => {
    for (const filter of filters) await call('count_issues', { filter });
    for (const group of ['status', 'priority', 'type'] as const) {
      await call('count_issues', { group_by: group });
    }
    for (const assignee of [undefined, 'mia']) await call('get_stats', { assignee });
    await call('epic_status', {});
    await call('get_info', {});
    await call('sync_status', {});
    await call('create_issue', { issue: { title: 'An id as long as the project is large' } });
  });
  expect(scans).toEqual([]);
});

test('issues are found by their ids, and by the beginning of them', async () => {
  const scans = await scansOf(async () => {
    await call('get_issue', { issue_id: '2' });
    await call('get_issue', { issue_id: 't-1.1' });
    await call('resolve_id', { issue_id: '1.' });
    await call('list_dependencies', { issue_id: 't-1.1', direction: 'up' });
    await call('dependency_tree', { issue_id: 't-1.1' });
    await call('list_labels', { issue_id: 't-2' });
    await call('list_comments', { issue_id: 't-2' });
    await call('list_conflicts', {});
    await call('read_events', { after: 0 });
    await call('read_lines', {});
  });
  expect(scans).toEqual([]);
});

test('no index serves a count by what only the records hold', async () => {
  const scans = await scansOf(async () => {
    await call('count_issues', { filter: { empty_description: true } });
    await call('list_issues', { sort: 'title', limit: 1 });
  });
  expect(scans.map((scan) => scan.slice(0, scan.indexOf(':')))).toEqual([
    'SCAN issues',
    'SCAN issues',
  ]);
});
