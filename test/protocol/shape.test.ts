import { expect, test } from 'vitest';
import { METHODS } from '../../src/protocol/methods.ts';

const check = (method: keyof typeof METHODS, params: unknown) => () =>
  METHODS[method].params.check(params, method);

test('an unknown member is refused by name, with the known ones', () => {
  expect(check('create_issue', { issue: { title: 't', titel: 'x' } })).toThrow(
    'create_issue.issue has an unknown member "titel"',
  );
});

test.each([
  ['create_issue', { issue: {} }, 'create_issue.issue.title is nothing'],
  ['create_issue', { issue: { title: '' } }, 'create_issue.issue.title is ""'],
  ['create_issue', { issue: { title: 't', priority: 5 } }, 'create_issue.issue.priority is 5'],
  ['create_issue', { issue: { title: 't', labels: 'x' } }, 'create_issue.issue.labels is "x"'],
  ['create_issue', [], 'create_issue is []'],
  ['list_issues', { sort: 'colour' }, 'list_issues.sort is "colour"'],
  ['list_issues', { filter: { ids: [1] } }, 'list_issues.filter.ids[0] is 1'],
] as const)('%s %j', (method, params, message) => {
  expect(check(method, params)).toThrow(message);
});

test('a checked value is a copy that holds what was given', () => {
  const params = { issue: { title: 't', metadata: { a: [1] } }, actor: 'mia' };
  expect(METHODS.create_issue.params.check(params, 'create_issue')).toEqual(params);
});

test('every schema has an object at its root, without references, as MCP clients need', () => {
  for (const { params } of Object.values(METHODS)) {
    expect(params.json).toMatchObject({ type: 'object', additionalProperties: false });
    expect(JSON.stringify(params.json)).not.toContain('$ref');
  }
});
