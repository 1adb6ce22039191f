import { expect, test } from 'vitest';
import {
  PLAIN_FIELDS,
  commentKey,
  edgeKey,
  labelKey,
  memberKey,
  unknownKey,
  fieldName,
  keyOfField,
} from '../../../src/core/causal/field-key.ts';
import { propertyRuns } from '../../support/property-runs.ts';
import fc from 'fast-check';

test.each([
  ['title', 'title'],
  ['state', 'status'],
  ['claim', 'assignee'],
  ['created', 'created_at'],
  ['deleted', 'deleted'],
  ['parent', 'parent'],
  ['metadata', 'metadata'],
  ['metadata_order', 'metadata_order'],
  ['m/team', 'metadata.team'],
  ['c/abcd', 'comment abcd'],
  ['l/api', 'label api'],
  ['d/blocks/t-1', 'dependency blocks t-1'],
  ['x:x_team', 'x_team'],
  ['x:state', 'state'],
  ['x:parent', 'unknown parent'],
  ['x:metadata.team', 'unknown metadata.team'],
  ['x:label api', 'unknown label api'],
  ['x:unknown x', 'unknown unknown x'],
])('%s is called %s', (key, name) => {
  expect(fieldName(key)).toBe(name);
  expect(keyOfField(name)).toBe(key);
});

test('a name leads back to its key, so that no two keys share one', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom('parent', 'status', 'state', 'label a', 'unknown parent', 'comment c'),
    fc.constantFrom('dependency', 'dependency a', 'dependency a b', 'metadata.', 'metadata', 'l/a'),
  );
  const key = fc.oneof(
    fc.constantFrom(...PLAIN_FIELDS, 'state', 'claim', 'created', 'deleted', 'parent', 'metadata'),
    word.map(labelKey),
    word.map(commentKey),
    word.map(memberKey),
    word.map(unknownKey),
    fc
      .tuple(fc.oneof(word, fc.constantFrom('a%20b', 'a b', 'a/b%2F')), word)
      .map(([type, target]) => edgeKey({ issue_id: 'a-1', type, depends_on_id: target })),
  );
  fc.assert(
    fc.property(key, (each) => {
      expect(keyOfField(fieldName(each))).toBe(each);
    }),
    propertyRuns(2_000),
  );
});
