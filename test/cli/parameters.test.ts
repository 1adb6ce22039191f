import { expect, test } from 'vitest';
import { record } from './recorder.ts';

/** A value is what its field makes of it. */
const RESOLVED: readonly (readonly [field: string, flags: string[], choice: object])[] = [
  ['title', ['--take', '2'], { take: '2' }],
  ['notes', ['--merge'], { merge: true }],
  ['title', ['--value', '7'], { value: '7' }],
  ['assignee', ['--value', ''], { value: '' }],
  ['priority', ['--value', 'P3'], { value: 3 }],
  ['estimated_minutes', ['--value', '90'], { value: 90 }],
  ['estimated_minutes', ['--value', ''], { value: null }],
  ['due_at', ['--value', '+1w'], { value: '2026-01-09T03:04:05.000Z' }],
  ['pinned', ['--value', 'true'], { value: true }],
  ['metadata.team', ['--value', '{"a":1}'], { value: { a: 1 } }],
  ['x_team', ['--value', ''], { value: null }],
  ['comment abc', ['--value', '1'], { value: '1' }],
];

/** What a command line asks for. The clock stands at 2026-01-02T03:04:05Z. */
const CASES: readonly (readonly [argv: string[], method: string, params: unknown])[] = [
  [['create', 'T'], 'create_issue', { issue: { title: 'T' } }],
  [
    ['create', '--title=T', '-t', 'bug', '-pP0', '-l', 'a,b', '--label', 'c', '--due', '+1w'],
    'create_issue',
    {
      issue: {
        title: 'T',
        issue_type: 'bug',
        priority: 0,
        labels: ['a', 'b', 'c'],
        due_at: '2026-01-09T03:04:05.000Z',
      },
    },
  ],
  [
    ['create', 'T', '--body-file', '-', '--waits-for', 'x', '--deps', 'y', '--actor', 'mia'],
    'create_issue',
    {
      issue: {
        title: 'T',
        description: 'from stdin\n',
        dependencies: ['y', 'waits-for:x'],
      },
      actor: 'mia',
    },
  ],
  [
    ['q', 'Two', 'words', '-p', '3'],
    'create_issue',
    { issue: { title: 'Two words', priority: 3 } },
  ],
  [['q', '--', '--json', '-p'], 'create_issue', { issue: { title: '--json -p' } }],
  [['conflicts', 'show', 'x'], 'list_conflicts', { issue_id: 'x' }],
  ...RESOLVED.map(([field, flags, choice]): readonly [string[], string, unknown] => [
    ['conflicts', 'resolve', 'x', field, ...flags],
    'resolve_conflict',
    { issue_id: 'x', field, ...choice },
  ]),
  [['restore', 'x', '--actor', 'mia'], 'restore_issue', { issue_id: 'x', actor: 'mia' }],
  [['list'], 'list_issues', { filter: { exclude_statuses: ['closed'] }, limit: 50 }],
  [['list', '--all', '-n0'], 'list_issues', { filter: {}, limit: 0 }],
  [['list', '-s', 'all'], 'list_issues', { filter: {}, limit: 50 }],
  [
    ['list', '-s', 'open,blocked'],
    'list_issues',
    { filter: { statuses: ['open', 'blocked'] }, limit: 50 },
  ],
  [
    ['list', '--all', '--no-assignee', '--no-pinned', '--overdue', '-r', '--sort', 'title'],
    'list_issues',
    {
      filter: { no_assignee: true, pinned: false, due_before: '2026-01-02T03:04:05.000Z' },
      sort: 'title',
      reverse: true,
      limit: 50,
    },
  ],
  [
    ['list', '--ready', '-l', 'a', '-l', 'b'],
    'list_ready',
    { filter: { labels: ['a', 'b'] }, limit: 50 },
  ],
  [
    ['ready', '-u', '-s', 'oldest'],
    'list_ready',
    { filter: { no_assignee: true }, sort: 'oldest', limit: 10 },
  ],
  [['ready', '-n=3', '--unassigned=false'], 'list_ready', { filter: {}, limit: 3 }],
  [
    ['search', 'two', 'words', '--desc-contains', 'x'],
    'list_issues',
    { filter: { description_contains: 'x', text: 'two words' }, limit: 50 },
  ],
  [['update', 'x', '-a', ''], 'update_issue', { issue_id: 'x', changes: { assignee: '' } }],
  [
    ['update', 'x', '--set-labels', ''],
    'update_issue',
    { issue_id: 'x', changes: { set_labels: [] } },
  ],
  [
    ['update', 'x', '--metadata', '{"a":1}', '--persistent', '--defer', 'tomorrow'],
    'update_issue',
    {
      issue_id: 'x',
      changes: { metadata: { a: 1 }, ephemeral: false, defer_until: '2026-01-03T00:00:00.000Z' },
    },
  ],
  [['update', 'x', '--claim'], 'claim_issue', { issue_id: 'x' }],
  [
    ['close', 'x', '--resolution', 'r', '-f'],
    'close_issue',
    { issue_id: 'x', reason: 'r', force: true },
  ],
  [['close', '--', '-x'], 'close_issue', { issue_id: '-x' }],
  [['delete', 'x', 'y'], 'delete_issues', { issue_ids: ['x', 'y'], dry_run: true }],
  [['delete', 'x', '--force', '--cascade'], 'delete_issues', { issue_ids: ['x'], cascade: true }],
  [['delete', 'x', '--force', '--dry-run'], 'delete_issues', { issue_ids: ['x'], dry_run: true }],
  [
    ['dep', 'add', 'x', '--blocked-by', 'y'],
    'add_dependency',
    { issue_id: 'x', depends_on_id: 'y' },
  ],
  [['dep', 'x', '--blocks', 'y'], 'add_dependency', { issue_id: 'y', depends_on_id: 'x' }],
  [['dep', 'tree', 'x', '--reverse'], 'dependency_tree', { issue_id: 'x', direction: 'up' }],
  [
    ['dep', 'rm', 'x', 'y', '--type', 'blocks'],
    'remove_dependency',
    { issue_id: 'x', depends_on_id: 'y' },
  ],
  [['label', 'add', 'x', 'l'], 'add_label', { issue_id: 'x', label: 'l' }],
  [
    ['count', '--by-priority', '-a', 'm'],
    'count_issues',
    { filter: { assignee: 'm' }, group_by: 'priority' },
  ],
  [['import', '-i', 'f.jsonl', '-s'], 'import', { path: '/project/f.jsonl', skip_existing: true }],
  [['export', '-o', 'f.jsonl'], 'export', { path: '/project/f.jsonl' }],
];

test.each(CASES.map(([argv, ...rest]) => [argv.join(' '), argv, ...rest] as const))(
  'bd %s',
  async (_line, argv, method, params) => {
    const { calls } = await record(argv);
    expect(calls[0]).toEqual({ method, params });
  },
);

test('global flags count before and after the command, and the command line over the environment', async () => {
  const env = { BD_ACTOR: 'one', BEADS_ACTOR: 'two' };
  const actors = [
    ['close', 'x'],
    ['--actor', 'three', 'close', 'x'],
    ['close', 'x', '--actor=four'],
  ];
  const runs = await Promise.all(actors.map((argv) => record(argv, { env })));
  expect(runs.map(({ calls }) => calls[0]?.params)).toEqual([
    { issue_id: 'x', actor: 'one' },
    { issue_id: 'x', actor: 'three' },
    { issue_id: 'x', actor: 'four' },
  ]);
});

test('claiming together with other changes claims first', async () => {
  const { calls } = await record(['update', 'x', '--claim', '-p', '1']);
  expect(calls.map(({ method }) => method)).toEqual(['claim_issue', 'update_issue']);
});

const READ = { issues: [], total: 0, conflicts: [], issue_id: 'x', dependencies: [] };

test('--readonly lets reading through and stops every change before it is asked for', async () => {
  for (const reading of [['list'], ['conflicts', 'show', 'x'], ['show', 'x', '--refs']]) {
    const { calls } = await record(['--readonly', ...reading], { answer: READ });
    expect(calls.length, reading.join(' ')).toBeGreaterThan(0);
  }
  for (const argv of [
    ['q', 'T'],
    ['close', 'x'],
    ['label', 'add', 'x', 'l'],
    ['conflicts', 'resolve', 'x', 'title', '--take', 'winner'],
    ['restore', 'x'],
    ['sync'],
    ['import'],
  ]) {
    const { calls, exitCode, stderr } = await record([...argv, '--readonly']);
    expect(calls, argv.join(' ')).toEqual([]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('refused by --readonly');
  }
});
