import { expect, test } from 'vitest';
import { cutToWidth, displayWidth, oneLine } from '../../src/cli/output/printable.ts';
import { record } from './recorder.ts';

const issue = {
  id: 't-1',
  title: 'A title that is rather long for a terminal of forty columns',
  status: 'in_progress',
  priority: 0,
  issue_type: 'task',
  created_at: '2026-01-02T03:04:05Z',
  updated_at: '2026-01-02T03:04:05Z',
  labels: ['ui'],
  assignee: 'mia',
};

const answer = {
  issues: [issue, { ...issue, id: 't-22', status: 'open', title: 'Short' }],
  total: 2,
};

const terminal = { stdoutIsTty: true, columns: 40, env: { TERM: 'xterm' } };

// oxlint-disable-next-line no-control-regex
const COLOUR = /\u001b\[\d+m/g;

test('columns are aligned, and whole where no terminal is', async () => {
  const { stdout } = await record(['list'], { answer });
  expect(stdout).toBe(
    't-1   P0  in_progress  task  A title that is rather long for a terminal of forty columns  @mia  #ui\n' +
      't-22  P0  open         task  Short  @mia  #ui\n',
  );
});

test('a terminal gets lines that fit, with colour', async () => {
  const { stdout } = await record(['list'], { answer, ...terminal });
  expect(stdout).toMatch(COLOUR);
  const [first = ''] = stdout.replace(COLOUR, '').split('\n');
  expect(displayWidth(first)).toBe(40);
  expect(first.endsWith('…')).toBe(true);
});

test.each([
  ['NO_COLOR', { ...terminal, env: { NO_COLOR: '1' } }],
  ['a dumb terminal', { ...terminal, env: { TERM: 'dumb' } }],
  ['a pipe', { ...terminal, stdoutIsTty: false }],
])('%s gets no colour', async (_name, io) => {
  expect((await record(['list'], { answer, ...io })).stdout).not.toMatch(COLOUR);
});

test('JSON never has colour or cut titles', async () => {
  const { stdout } = await record(['list', '--json'], { answer, ...terminal });
  expect(JSON.parse(stdout)).toEqual(answer.issues);
  expect(stdout.startsWith('[\n  {\n    "id": "t-1",\n')).toBe(true);
});

test('text of others cannot steer the terminal', async () => {
  const evil = { ...issue, title: 'a\u001b[2Jb\nc\rd\u009b31m' };
  const { stdout } = await record(['list'], { answer: { issues: [evil], total: 1 } });
  expect(stdout).toContain('a\ufffd[2Jb c d\ufffd31m');
  expect(stdout.split('\n')).toHaveLength(2);
});

test('wide and combining characters are counted as a terminal shows them', () => {
  expect([
    displayWidth('abc'),
    displayWidth('日本'),
    displayWidth('e\u0301'),
    displayWidth('🚀'),
  ]).toEqual([3, 4, 1, 2]);
  expect(cutToWidth('日本語', 5)).toBe('日本…');
  expect(cutToWidth('short', 5)).toBe('short');
  expect(oneLine('a\n\n b\tc')).toBe('a b c');
});

test('a tree draws each issue below its parent, and those without one at the margin', async () => {
  const edge = (id: string, parent: string) => ({
    issue_id: id,
    depends_on_id: parent,
    type: 'parent-child',
  });
  const row = (id: string, parent?: string) => ({
    ...issue,
    id,
    title: id,
    labels: [],
    assignee: '',
    ...(parent === undefined ? {} : { dependencies: [edge(id, parent)] }),
  });
  const issues = [row('b', 'a'), row('a'), row('c', 'b'), row('d', 'elsewhere'), row('e', 'a')];
  const { stdout } = await record(['list', '--tree'], { answer: { issues, total: 5 } });
  const shape = stdout.replace(/ {2}P0.*$/gm, '');
  expect(shape).toBe('a\n├── b\n│   └── c\n└── e\nd\n');
});

test('a page tells how much is missing', async () => {
  const { stdout } = await record(['list', '-n', '2'], { answer: { ...answer, total: 7 } });
  expect(stdout).toContain('\n2 of 7 shown; --limit 0 shows all\n');
});

test('quiet says nothing about changes, but answers questions', async () => {
  expect((await record(['close', 't-1', '-q'])).stdout).toBe('');
  expect((await record(['close', 't-1', '-q', '--json'])).stdout).not.toBe('');
  expect((await record(['list', '-q'], { answer })).stdout).not.toBe('');
});

test('conflicts are a table of one line each, and files that were kept aside are named below', async () => {
  const by = { written_at: '2026-01-02T03:04:05Z', replica: 'aaaaaa' };
  const conflict = {
    issue_id: 't-1',
    title: 'Title',
    field: 'comment x',
    kind: 'values',
    shown: { ...by, value: { id: 1, author: 'mia', text: `one\n\u001b[2J${'long '.repeat(20)}` } },
    others: [{ ...by, value: { id: 1, author: 'mia', text: 'two' } }],
  };
  const { stdout } = await record(['conflicts'], {
    answer: { conflicts: [conflict], kept_aside: ['/project/.beads/quarantine/ab.jsonl'] },
  });
  expect(stdout).toBe(
    'ISSUE  FIELD      SHOWN                             OTHERS\n' +
      't-1    comment x  one \ufffd[2Jlong long long long lon…  two\n' +
      '\nLines that could not be read are kept in:\n  /project/.beads/quarantine/ab.jsonl\n' +
      'Fix them, import them with `bd import -i FILE`, and remove the file.\n',
  );
});

test('a field is named to the shell as one word', async () => {
  const version = { value: 'x', written_at: '2026-01-02T03:04:05Z', replica: 'aaaaaa' };
  const conflict = {
    issue_id: 't-1',
    title: 'T',
    kind: 'values',
    shown: version,
    others: [version],
  };
  const { stdout } = await record(['conflicts', 'show', 't-1'], {
    answer: { conflicts: [{ ...conflict, field: "it's; $x" }] },
  });
  expect(stdout).toContain(`bd conflicts resolve t-1 'it'\\''s; $x' --take winner\n`);
});

test('an import tells how far it is on a terminal only, and leaves nothing of that there', async () => {
  const report = { created: 0, updated: 0, unchanged: 0, skipped: 0, problems: [], notices: [] };
  const run = (io: object, ...more: string[]) =>
    record(['import', '-i', 'f.jsonl', ...more], { answer: report, ...io });
  const shown = await run(terminal);
  expect(shown.stdout).toBe('\r20,000 lines read\r\u001b[K');
  expect(shown.stderr).toBe('Import complete: 0 created, 0 updated\n');
  expect((await run({})).stdout).toBe('');
  expect((await run(terminal, '--quiet')).stdout).toBe('');
  expect((await run(terminal, '--json')).stdout).not.toContain('lines read');
});
