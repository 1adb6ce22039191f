import fc from 'fast-check';
import { isParentType } from '../../../src/core/dependency.ts';

const REQUIRED: [string, string][] = [
  ['id', '"a-1"'],
  ['title', '"t"'],
];

/** What has broken encoders before. */
const texts = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    'plain',
    '__proto__',
    'constructor',
    '\u2028<&>',
    '\ud800',
    '\ud801',
    '\udfff',
    '\u{1f600}',
    'e\u0301',
    '\u0000\t\r\n',
    ',"_bd":{"h":"00000000"}}',
    '"\\',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
);

/** JSON spells one text in many ways. */
const textTokens = fc.tuple(texts, fc.constantFrom('plain', 'html', 'ascii')).map(tokenOf);

function tokenOf([text, spelling]: readonly [string, string]): string {
  const token = JSON.stringify(text);
  if (spelling === 'plain') return token;
  const special = spelling === 'html' ? /[<>&\u2028\u2029]/g : /[^ -~]|[<>&]/g;
  return token.replace(special, (unit) => escaped(unit));
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const times = fc.constantFrom(
  '2026-01-02T03:04:05Z',
  '2026-01-02T03:04:05.123456789Z',
  '2026-01-02T03:04:05.12345678-08:00',
  '2026-01-02T03:04:05.1234+05:30',
  '2026-01-02 03:04:05.120+00:00',
  '1960-02-03T04:05:06.5Z',
  '0001-01-01T00:00:00Z',
  '9998-12-31T23:59:59.999999999+11:00',
);
const timeTokens = times.map((time) => JSON.stringify(time));

const numberTokens = fc.constantFrom('0', '-0', '1.0', '1e21', '12345678901234567890', '-1E-7');

const jsonTokens: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    textTokens,
    numberTokens,
    fc.constantFrom('null', 'true', 'false', '{}', '[ ]', '{"a":1,"a":2}'),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
    fc
      .tuple(fc.array(fc.tuple(texts, tie('value')), { maxLength: 3 }), fc.constantFrom('', ' '))
      .map(([pairs, gap]) => objectText(pairs, gap)),
  ),
})).value;

const statuses = fc.constantFrom('open', 'in_progress', 'closed', 'hooked', 'tombstone', 'custom');

const edgeTokens = fc
  .tuple(
    fc.record({
      type: fc.constantFrom('blocks', 'parent-child', 'parent_child', 'od/d%2F', '', 'relates-to'),
      target: fc.constantFrom('t-1', 't-2', 'o/1', '', '__proto__'),
    }),
    fc.option(timeTokens),
    extras(['created_by', 'metadata', 'thread_id', '_bd', '__proto__', 'zz']),
  )
  .map(([{ type, target }, time, more]) => ({
    key: `${isParentType(type) ? 'parent' : type}>${target}`,
    token: objectText([
      ['issue_id', '"a-1"'],
      ['depends_on_id', JSON.stringify(target)],
      ['type', JSON.stringify(type)],
      ...(time === null ? [] : ([['created_at', time]] as [string, string][])),
      ...more,
    ]),
  }));

const commentTokens = fc
  .tuple(
    fc.constantFrom('1', '2', '-7', '"uid"', '""'),
    textTokens,
    timeTokens,
    extras(['issue_id', '_bd', 'edited']),
  )
  .map(([id, text, time, more]) =>
    objectText([['id', id], ['author', '"mia"'], ['text', text], ['created_at', time], ...more]),
  );

function extras(names: string[]): fc.Arbitrary<[string, string][]> {
  return fc.uniqueArray(fc.tuple(fc.constantFrom(...names), jsonTokens), {
    selector: ([name]) => name,
    maxLength: 2,
  });
}

function members(): fc.Arbitrary<[string, string]> {
  const textKeys =
    'description design acceptance_criteria notes spec_id assignee owner created_by close_reason ' +
    'closed_by_session external_ref deleted_by delete_reason original_type issue_type';
  const timeKeys = 'created_at updated_at closed_at due_at defer_until deleted_at';
  const unknownKeys =
    'content_hash compaction_level compacted_at_commit source_repo agent_state waiters payload ' +
    '__proto__ constructor toString f new<key';
  const member = (keys: string, tokens: fc.Arbitrary<string>): fc.Arbitrary<[string, string]> =>
    fc.tuple(fc.constantFrom(...keys.split(' ')), tokens);
  return fc.oneof(
    { weight: 6, arbitrary: member(textKeys, fc.oneof(textTokens, fc.constant('null'))) },
    { weight: 3, arbitrary: member(timeKeys, fc.oneof(timeTokens, fc.constant('null'))) },
    { weight: 3, arbitrary: member(unknownKeys, jsonTokens) },
    { weight: 2, arbitrary: member('metadata', jsonTokens) },
    {
      weight: 2,
      arbitrary: member(
        'status',
        statuses.map((status) => JSON.stringify(status)),
      ),
    },
    member('priority estimated_minutes', fc.constantFrom('0', '-0', '4', '3.0', 'null')),
    member('ephemeral pinned is_template', fc.constantFrom('true', 'false', 'null')),
    member('labels', listOf(textTokens, 5)),
    member('dependencies', edgeLists()),
    member('comments', listOf(commentTokens, 4)),
  );
}

function listOf(tokens: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> {
  return fc.array(tokens, { maxLength }).map((items) => `[${items.join(',')}]`);
}

/** No edge twice: no program writes that, and a set would keep one of them. */
function edgeLists(): fc.Arbitrary<string> {
  return fc
    .uniqueArray(edgeTokens, { selector: ({ key }) => key, maxLength: 4 })
    .map((edges) => `[${edges.map(({ token }) => token).join(',')}]`);
}

function objectText(pairs: readonly [string, string][], gap = ''): string {
  const members = pairs.map(([key, token]) => `${JSON.stringify(key)}:${gap}${token}`);
  return `{${gap}${members.join(`,${gap}`)}${gap}}`;
}

/**
 * Lines as any program may write them: every key that bd knows and many that it does not, in every
 * spelling that was met in files of other tools and some that were not. Made of JSON text, since a
 * parsed value no longer tells how it was spelled.
 */
export const foreignLines = fc
  .tuple(fc.uniqueArray(members(), { selector: ([key]) => key, maxLength: 14 }), fc.boolean())
  .map(([more, isSpaced]) => objectText([...REQUIRED, ...more], isSpaced ? ' ' : ''));
