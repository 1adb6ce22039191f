import { describe, expect, test } from 'vitest';
import { encodeState } from '../../../src/core/causal/causal-line.ts';
import { listConflicts } from '../../../src/core/causal/conflicts.ts';
import { decodeLine } from '../../../src/core/causal/decode-line.ts';
import { separateCollision } from '../../../src/core/causal/id-collision.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import { diffToWrites, liftFirst, liftIssue } from '../../../src/core/causal/lift.ts';
import { TEXT_CHARS_MAX } from '../../../src/core/limits.ts';
import { created, put, record, shown, throughLine, write } from './state.ts';

const parent = (target: string, type = 'parent-child') => ({
  issue_id: 'a-1',
  depends_on_id: target,
  type,
});

describe('what stands in a value does not break the line', () => {
  test.each([
    ['an edge', 'd/blocks/t', (more: object) => ({ ...parent('t', 'blocks'), ...more })],
    ['the parent', 'parent', (more: object) => ({ ...parent('t'), ...more })],
    [
      'a comment',
      'c/u',
      (more: object) => ({
        id: 1,
        author: 'm',
        text: '',
        created_at: '2026-01-01T00:00:00Z',
        ...more,
      }),
    ],
  ])('%s with a member named _bd, shown or in conflict', (_name, key, value) => {
    const rivals = ['bbbbbb', 'cccccc', 'dddddd'].map((replica, at) =>
      write(created(), replica, at, put(key, value({ _bd: { h: replica, x: { _bd: {} } } }))),
    );
    const joined = rivals.reduce(joinStates);
    for (const state of [...rivals, joined]) expect(throughLine(state)).toEqual(state);
  });

  test('a key of the record named _bd is nobody’s value', () => {
    const issue = record();
    const state = liftFirst({ ...issue, opaque: { _bd: '{"x":1}', other: '1' } });
    expect(state.entries.has('x:_bd')).toBe(false);
    expect(throughLine(state)).toEqual(state);
    expect(shown(state).opaque).toEqual({ other: '1' });
  });

  test('lone surrogates that UTF-8 cannot tell apart have one order on every clone', () => {
    const [high, low] = [put('l/\ud800', undefined), put('l/\udfff', undefined)];
    const one = joinStates(write(created(), 'bbbbbb', 1, high), write(created(), 'cccccc', 1, low));
    const other = joinStates(
      write(created(), 'cccccc', 1, low),
      write(created(), 'bbbbbb', 1, high),
    );
    expect(encodeState(one)).toBe(encodeState(other));
    expect(throughLine(one)).toEqual(one);
  });

  test('a value with a line break in its JSON stays on its line', () => {
    const rivals = [
      write(created(), 'bbbbbb', 1, put('x:future', '{\n "a": "\\n"\r\n}')),
      write(created(), 'cccccc', 2, put('metadata', '[\n1]')),
      write(created(), 'dddddd', 3, put('x:future', '[\n]')),
    ];
    const joined = rivals.reduce(joinStates);
    for (const state of [...rivals, joined]) {
      expect(encodeState(state)).not.toMatch(/[\r\n]/);
      expect(throughLine(state)).toEqual(state);
    }
  });

  test('six clones that write the longest text at once keep all six', () => {
    const texts = ['b', 'c', 'd', 'e', 'f', 'g'].map((letter) => letter.repeat(TEXT_CHARS_MAX));
    const joined = texts
      .map((text) => write(created(), text.slice(0, 6), 1, put('notes', text)))
      .reduce(joinStates);
    expect(throughLine(joined)).toEqual(joined);
  });

  test('a status below a tombstone is never another tombstone', () => {
    const deleted = write(created(), 'bbbbbb', 1, put('deleted', { deleted: true }));
    const line = encodeState(deleted).replace('"h":', '"s":"tombstone","h":');
    expect(decodeLine(line, 0).kind).toBe('foreign');
  });
});

describe('what was taken away stays away', () => {
  test('a parent that stood there twice goes away whole', () => {
    const joined = joinStates(
      write(created(), 'bbbbbb', 1, put('parent', parent('p'))),
      write(created(), 'cccccc', 2, put('d/parent-child/p', parent('p'))),
    );
    expect(shown(joined).dependencies).toHaveLength(1);
    const without = write(joined, 'bbbbbb', 3, ...diffToWrites(joined, record()));
    expect(shown(without).dependencies).toBeUndefined();
    const elsewhere = record({ dependencies: [parent('q')] });
    const moved = write(joined, 'bbbbbb', 3, ...diffToWrites(joined, elsewhere));
    expect(shown(moved).dependencies).toEqual([parent('q')]);
  });
});

test('one comment under two numbers is no conflict', () => {
  const comment = (id: number) => ({
    id,
    author: 'm',
    text: 't',
    created_at: '2026-01-01T00:00:00Z',
  });
  const joined = joinStates(
    write(created(), 'bbbbbb', 1, put('c/u', comment(1))),
    write(created(), 'cccccc', 2, put('c/u', comment(2))),
  );
  expect(listConflicts(joined)).toEqual([]);
});

test('a tool that tells or spells the creation anew makes no second issue', () => {
  const at = '2026-01-01T00:00:00.123456789Z';
  const base = created({ title: 'aaaaaa', created_at: at, updated_at: at });
  const cut = record({ title: 'aaaaaa', created_at: '2026-01-01T00:00:00.123Z', updated_at: at });
  expect(diffToWrites(base, cut)).toEqual([]);
  expect(separateCollision(base, liftFirst(cut))).toBeUndefined();
});

test('no foreign line changes when an issue was created', () => {
  const foreign = record({ created_at: '2020-01-01T00:00:00Z', title: 'edited' });
  const lifted = liftIssue(created(), foreign);
  expect(shown(lifted)).toMatchObject({ title: 'edited', created_at: record().created_at });
  expect(separateCollision(created(), lifted)).toBeUndefined();
});
