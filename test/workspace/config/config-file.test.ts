import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { readPlainSettings } from '../../../src/workspace/config/config-file.ts';

const VALUES =
  'true True no null ~ 0 7 010 0x1f 1e3 1.5 2026-01-01 word a.b/c@d-e N \'q\' "q" [1] {a: 1} | &x *x'
    .split(' ')
    .concat('a: b', 'a #b', '');

/** What YAML makes of the same text, flattened as the settings are. */
function byYaml(text: string): Map<string, string> {
  const document = (parse(text) ?? {}) as Record<string, Scalar | Record<string, Scalar>>;
  const flat = Object.entries(document).flatMap(([key, value]): [string, Scalar][] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).map(([name, member]) => [`${key}.${name}`, member])
      : [[key, value]],
  );
  return new Map(
    flat.filter(([, value]) => value !== null).map(([key, value]) => [key, `${value}`]),
  );
}

type Scalar = string | number | boolean | null;

test('a file that is read the short way means what it means to YAML', () => {
  const key = fc.constantFrom('a', 'issue_prefix', 'b-c', 'sync.push', 'x1');
  const value = fc.constantFrom(...VALUES);
  const line = fc.oneof(
    fc
      .tuple(fc.constantFrom('', '  ', '    ', '\t'), key, value)
      .map(([indent, k, v]) => `${indent}${k}: ${v}`),
    key.map((k) => `${k}:`),
    fc.constantFrom('', '# note', '  # note', '- item', '---', 'a: 1 # note', 'section: # note'),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      const text = lines.join('\n');
      const plain = readPlainSettings(text);
      if (plain !== undefined) expect(plain).toEqual(byYaml(text));
    }),
    { numRuns: 3_000 },
  );
});

test('the files that bd writes, and the example, are read the short way', () => {
  const example = readFileSync(
    resolve(import.meta.dirname, '../../../.beads.example/config.yaml'),
    'utf8',
  );
  expect(readPlainSettings(example)?.get('sync.push')).toBe('true');
  expect(readPlainSettings('# note\nissue_prefix: my-app\nsync:\n  push: false\n')).toEqual(
    new Map([
      ['issue_prefix', 'my-app'],
      ['sync.push', 'false'],
    ]),
  );
});
