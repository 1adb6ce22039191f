import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeState } from '../../../src/core/causal/causal-line.ts';
import { decodeLine } from '../../../src/core/causal/decode-line.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import { seal } from '../../../src/core/causal/text-hash.ts';
import { encodeIssueLine } from '../../../src/core/issue-line.ts';
import { CAUSAL_CHARS_MAX } from '../../../src/core/limits.ts';
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../support/property-runs.ts';
import { classicPart, created, put, record, remove, shown, throughLine, write } from './state.ts';

const causalPart = (line: string): Record<string, unknown> =>
  (JSON.parse(line) as { _bd: Record<string, unknown> })._bd;

const conflict = () =>
  joinStates(
    write(created(), 'bbbbbb', 1, put('title', 'b')),
    write(created(), 'cccccc', 2, put('title', 'c')),
  );

describe('the line', () => {
  test('is the classic record, and _bd as its last key', () => {
    const state = conflict();
    const line = encodeState(state);
    expect(classicPart(line)).toBe(encodeIssueLine(shown(state)));
    expect(causalPart(line)).toEqual({
      '': 'aaaaaa.1.mjuohs00',
      f: { title: 'cccccc.1.mjuohtjk bbbbbb.1.mjuohsrs+' },
      x: { title: ['b'] },
      h: seal(classicPart(line)),
    });
  });

  test('of a new issue has at most 50 bytes more, labels and edges included', () => {
    const edges = ['p', 'q', 'r'].map((target) => ({
      issue_id: 'a-1',
      depends_on_id: target,
      type: target === 'q' ? 'parent-child' : 'blocks',
    }));
    const line = encodeState(
      created({ labels: ['a', 'b'], dependencies: edges, metadata: { a: 1 } }),
    );
    expect(line.length - classicPart(line).length).toBeLessThanOrEqual(50);
  });

  test('lists no dot twice: values that are equal are told once', () => {
    const state = joinStates(
      write(created(), 'bbbbbb', 1, put('title', 'same')),
      write(created(), 'cccccc', 2, put('title', 'same')),
    );
    expect(causalPart(encodeState(state))['x']).toBeUndefined();
    expect(throughLine(state)).toEqual(state);
  });

  test('remembers what was removed and who knew it', () => {
    const state = write(created({ labels: ['x'] }), 'bbbbbb', 1, remove('l/x'));
    expect(causalPart(encodeState(state))['v']).toBe('bbbbbb.1');
    expect(throughLine(state)).toEqual(state);
  });

  test.each([
    ['two parents', { dependencies: [parent('p'), parent('q')] }],
    ['a closed tombstone', { status: 'tombstone', closed_at: '2026-01-01T00:00:00Z' }],
    ['marks of a deletion without one', { deleted_at: '2026-01-01T00:00:00Z' }],
    ['equal comments', { comments: [comment(1), comment(2)] }],
    ['metadata in another order', { metadata: { z: 1, a: { b: [] } } }],
    ['empty metadata', { metadata: {} }],
    ['metadata that is no object', { metadata: null }],
    ['empty texts', { description: '', assignee: '' }],
    ['instants before 1970 and with nanoseconds', { updated_at: '1960-02-03T04:05:06.123456789Z' }],
  ])('loses nothing of %s', (_name, fields) => {
    const state = created(fields);
    expect(throughLine(state)).toEqual(state);
    expect(shown(throughLine(state))).toEqual(record(fields));
  });
});

describe('a line whose _bd cannot be believed is foreign, and its record stays readable', () => {
  const line = encodeState(conflict());
  const withCausal = (change: (causal: Record<string, unknown>) => unknown): string => {
    const causal = change(causalPart(line));
    return `${classicPart(line).slice(0, -1)},"_bd":${JSON.stringify(causal)}}`;
  };
  const changed = (member: Record<string, unknown>) =>
    withCausal((causal) => ({ ...causal, ...member }));

  test.each([
    ['no _bd', classicPart(line), 'has no _bd'],
    ['an edited record', line.replace('"priority":2', '"priority":1'), 'does not seal'],
    ['no object', withCausal(() => 'text'), 'is not an object'],
    ['null', withCausal(() => null), 'is not an object'],
    ['a list', withCausal(() => []), 'is not an object'],
    ['nothing in it', withCausal(() => ({})), 'does not seal'],
    ['a newer version', changed({ n: 2 }), 'is from a newer version: it has "n"'],
    ['a wrong seal', changed({ h: '00000000' }), 'does not seal'],
    ['a seal of another type', changed({ h: 7 }), 'is malformed'],
    ['no creation', changed({ '': undefined }), 'is malformed'],
    ['a creation that is no dot', changed({ '': 'aaaaaa.1' }), 'is malformed'],
    ['a dot with a number zero', changed({ '': 'aaaaaa.0.mjuohs00' }), 'is malformed'],
    ['a dot beyond all time', changed({ '': 'aaaaaa.1.zzzzzzzzzzz' }), 'is malformed'],
    ['a dot with leading zeros', changed({ '': 'aaaaaa.01.mjuohs00' }), 'is malformed'],
    ['dots of another type', changed({ f: { title: 1 } }), 'is malformed'],
    ['no dots', changed({ f: { title: '' } }), 'is malformed'],
    ['a sibling without its value', changed({ x: {} }), 'is malformed'],
    ['a value without its sibling', changed({ x: { title: ['b', 'c'] } }), 'is malformed'],
    [
      'values of a key without dots',
      changed({ x: { title: ['b'], notes: ['n'] } }),
      'is malformed',
    ],
    ['a value of the wrong type', changed({ x: { title: [1] } }), 'is malformed'],
    [
      'a key that is none',
      changed({ f: { nonsense: 'bbbbbb.1.mjuohs00' }, x: {} }),
      'is malformed',
    ],
    [
      'a label the record lacks',
      changed({ f: { 'l/x': 'bbbbbb.1.mjuohs00' }, x: {} }),
      'malformed',
    ],
    ['a vector behind its dots', changed({ v: 'bbbbbb.1' }), 'does not cover'],
    ['a vector that is none', changed({ v: 'bbbbbb' }), 'does not cover'],
    ['a vector beyond all counting', changed({ v: 'bbbbbb.zzzzzzzzzzzzzzzz' }), 'does not cover'],
    [
      'a vector of too many',
      changed({
        v: Array.from({ length: 5000 }, (_, at) => `r${at}.1`)
          .sort()
          .join(' '),
      }),
      'does not cover',
    ],
    ['a deletion from the future', changed({ d: 'bbbbbb.z' }), 'deletion from the future'],
    ['megabytes', changed({ x: { title: ['b'.repeat(CAUSAL_CHARS_MAX)] } }), 'is longer than'],
    ['a prototype', line.replace('"f":{', '"f":{"__proto__":"x",'), 'is malformed'],
  ])('%s', (_name, given, why) => {
    const decoded = decodeLine(given, 0);
    expect(decoded).toMatchObject({ kind: 'foreign' });
    if (decoded.kind !== 'foreign') return;
    expect(decoded.why).toContain(why);
    expect(decoded.issue.title).toBe('c');
    expect(decoded.issue.opaque).toBeUndefined();
  });

  test('a line that is cut is unreadable', () => {
    expect(decodeLine(line.slice(0, -1), 0).kind).toBe('unreadable');
    expect(decodeLine('', 0).kind).toBe('unreadable');
  });

  test('a tool that keeps _bd but moves it, and sets blanks, breaks nothing', () => {
    const { _bd, ...rest } = JSON.parse(line) as Record<string, unknown>;
    const rewritten = JSON.stringify({ _bd, ...rest }, null, 2);
    expect(decodeLine(rewritten, 0)).toEqual(decodeLine(line, 0));
  });

  test(
    'whatever is done to a line, reading it never throws and never yields what cannot be written',
    () => {
      const index = fc.nat({ max: line.length - 1 });
      fc.assert(
        fc.property(fc.array(fc.tuple(index, index, index), { maxLength: 3 }), (splices) => {
          let text = line;
          for (const [from, to, at] of splices) {
            text =
              text.slice(0, at) +
              line.slice(Math.min(from, to), Math.max(from, to)) +
              text.slice(at + 1);
          }
          const decoded = decodeLine(text, 0);
          if (decoded.kind === 'sealed') expect(throughLine(decoded.state)).toEqual(decoded.state);
        }),
        propertyRuns(2000),
      );
    },
    PROPERTY_TIMEOUT_MS,
  );

  test(
    'whatever stands in _bd under a right seal, reading it never throws',
    () => {
      const dot = fc.constantFrom(
        'aaaaaa.1.0',
        'bbbbbb.2.1+',
        'cccccc.1.2=',
        'bbbbbb.1.1-',
        'x',
        '',
      );
      const key = fc.constantFrom(
        'title',
        'state',
        'created',
        'deleted',
        'parent',
        'claim',
        'metadata',
        'metadata_order',
        'l/x',
        'd/blocks/t',
        'c/u',
        'm/a',
        'x:u',
        'constructor',
      );
      const causal = fc.record(
        {
          '': fc.constantFrom('aaaaaa.1.0', 'zz.9.9'),
          v: fc.constantFrom('', 'bbbbbb.3 cccccc.9', 'aaaaaa.1'),
          f: fc.dictionary(
            key,
            fc.array(dot, { maxLength: 3 }).map((dots) => dots.join(' ')),
          ),
          x: fc.dictionary(key, fc.array(fc.jsonValue(), { maxLength: 2 })),
          s: fc.constantFrom('open', ''),
          d: fc.constantFrom('', 'aaaaaa.1'),
          c: fc.dictionary(fc.constantFrom('0', '1'), fc.constantFrom('u', '')),
          p: fc.constantFrom('', 'p'),
        },
        { requiredKeys: [''] },
      );
      const records = [
        record(),
        record({ status: 'tombstone', dependencies: [parent('p')], comments: [comment(1)] }),
        record({ labels: ['x'], metadata: { a: 1 }, u: 1 }),
      ].map(encodeIssueLine);
      fc.assert(
        fc.property(fc.constantFrom(...records), causal, (classic, members) => {
          const text = JSON.stringify({ ...members, h: seal(classic) });
          const decoded = decodeLine(`${classic.slice(0, -1)},"_bd":${text}}`, 0);
          expect(decoded.kind).not.toBe('unreadable');
          if (decoded.kind === 'sealed') expect(throughLine(decoded.state)).toEqual(decoded.state);
        }),
        propertyRuns(4000),
      );
    },
    PROPERTY_TIMEOUT_MS,
  );
});

function parent(target: string) {
  return { issue_id: 'a-1', depends_on_id: target, type: 'parent-child' };
}

function comment(id: number) {
  return { id, issue_id: 'a-1', author: 'mia', text: 'same', created_at: '2026-01-01T00:00:00Z' };
}
