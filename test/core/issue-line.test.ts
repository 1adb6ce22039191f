import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeIssueLine, issueToJson, parseIssueLine } from '../../src/core/issue-line.ts';

const NOW_MS = Date.parse('2026-03-01T09:00:00Z');

const CLASSIC =
  '{"id":"acme-k3f","title":"Rotate the signing key","description":"Key expires; see \\u003cops\\u003e \\u0026 docs.","status":"open","priority":1,"issue_type":"task","assignee":"mia","owner":"mia@example.com","created_at":"2026-01-12T09:14:03.118204+01:00","created_by":"mia","updated_at":"2026-01-12T10:02:44.5+01:00","labels":["ops","security"],"dependencies":[{"issue_id":"acme-k3f","depends_on_id":"acme-9qd","type":"blocks","created_at":"2026-01-12T09:15:00.00231+01:00","created_by":"mia"}],"comments":[{"id":4,"issue_id":"acme-k3f","author":"lee","text":"Waiting for HSM","created_at":"2026-01-12T09:59:59Z"}]}';

function parsed(line: string) {
  const result = parseIssueLine(line, NOW_MS);
  if ('problem' in result) throw new Error(result.problem);
  return result.issue;
}

function problem(line: string): string {
  const result = parseIssueLine(line, NOW_MS);
  return 'problem' in result ? result.problem : 'no problem';
}

test('a classic line is written back byte for byte', () => {
  expect(encodeIssueLine(parsed(CLASSIC))).toBe(CLASSIC);
});

test('keys bd does not know survive byte for byte, numbers and spacing included', () => {
  const line =
    '{"id":"a-1","title":"t","status":"open","priority":2,"issue_type":"task","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","metadata":{ "n": 1.0, "big": 12345678901234567890 },"timeout":1800000000000,"zz_future":[1e21,"a\\"},{"],"é":null}';
  expect(encodeIssueLine(parsed(line))).toBe(line);
});

test('unknown keys come out sorted by bytes, after the known ones', () => {
  const issue = parsed(
    '{"zz":1,"aa":2,"title":"t","id":"a-1","created_at":"2026-01-01T00:00:00Z"}',
  );
  expect(Object.keys(issueToJson(issue)).slice(-2)).toEqual(['aa', 'zz']);
});

test('what a line leaves out means what the classic writer meant', () => {
  const issue = parsed('{"id":"a-1","title":"t"}');
  expect(issue).toMatchObject({ status: 'open', priority: 0, issue_type: 'task' });
  expect(issue.created_at).toBe('2026-03-01T09:00:00.000Z');
  expect(issue.updated_at).toBe(issue.created_at);
});

test('labels are a set in byte order', () => {
  const issue = parsed('{"id":"a-1","title":"t","labels":["b","a","b","Z"]}');
  expect(issue.labels).toEqual(['Z', 'a', 'b']);
});

test('a member named __proto__ is data like any other', () => {
  const line = encodeIssueLine(parsed('{"id":"a-1","title":"t","__proto__":{"x":1}}'));
  expect(line).toContain('"__proto__":{"x":1}');
});

describe('a bad line is refused with what is wrong in it', () => {
  test.each([
    ['{"id":', 'not JSON'],
    [`{"id":"a-1","title":"t","x":${'['.repeat(2_000)}${']'.repeat(2_000)}}`, '"x" is nested'],
    ['[]', 'not a JSON object'],
    ['null', 'not a JSON object'],
    ['{"title":"t"}', 'no "id"'],
    ['{"id":"../etc","title":"t"}', '"../etc"'],
    ['{"id":"a-1"}', 'a-1 has no "title"'],
    ['{"id":"a-1","title":"t","priority":7}', '"priority" 7'],
    ['{"id":"a-1","title":"t","priority":"1"}', '"priority" is not a whole number: "1"'],
    ['{"id":"a-1","title":"t","updated_at":"soon"}', '"updated_at" is not a timestamp: "soon"'],
    ['{"id":"a-1","title":"t","labels":"x"}', '"labels" is not a list'],
    ['{"id":"a-1","title":"t","comments":[{"id":1}]}', '"comments" is not a list'],
    ['{"id":"a-1","title":"t","dependencies":[{"type":"x"}]}', '"dependencies" is not a list'],
  ])('%s', (line, expected) => {
    expect(problem(line)).toContain(expected);
  });
});

test('any text and any unknown JSON survive any number of hops', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
      (title, unknown) => {
        const source = { ...unknown, id: 'a-1', title, created_at: '2026-01-01T00:00:00Z' };
        const first = encodeIssueLine(parsedLoosely(JSON.stringify(source)));
        expect(encodeIssueLine(parsedLoosely(first))).toBe(first);
        expect(first).not.toContain('\n');
        expect(JSON.parse(first)).toMatchObject({ title });
      },
    ),
  );
});

/** Random members may meet the name of a known one with a wrong value: those lines are rightly refused. */
function parsedLoosely(line: string) {
  const result = parseIssueLine(line, NOW_MS);
  if ('issue' in result) return result.issue;
  throw new fc.PreconditionFailure();
}
