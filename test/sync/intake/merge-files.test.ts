import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeState } from '../../../src/core/causal/causal-line.ts';
import { decodeLine } from '../../../src/core/causal/decode-line.ts';
import { listConflicts } from '../../../src/core/causal/conflicts.ts';
import type { IssueState } from '../../../src/core/causal/issue-state.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import { creationWrites, liftFirst } from '../../../src/core/causal/lift.ts';
import { createState } from '../../../src/core/causal/write.ts';
import { encodeIssueLine } from '../../../src/core/issue-line.ts';
import type { IssueId } from '../../../src/core/issue-id.ts';
import type { Issue } from '../../../src/core/issue.ts';
import { mergeIssueFiles, type MergedFile } from '../../../src/sync/intake/merge-files.ts';
import { play, skews, steps, type Step } from '../../core/causal/history.ts';
import {
  BORN_MS,
  classicPart,
  created,
  joinAll,
  put,
  record,
  remove,
  shown,
  write,
} from '../../core/causal/state.ts';
import { propertyRuns, PROPERTY_TIMEOUT_MS, remembered } from '../../support/property-runs.ts';

type Lines = readonly (string | Buffer)[];

const NEWLINE = Buffer.from('\n');

function fileOf(lines: Lines): Buffer {
  return Buffer.concat(lines.flatMap((line) => [Buffer.from(line), NEWLINE]));
}

function merge(base: Lines, ours: Lines, theirs: Lines): MergedFile {
  const files = { base: fileOf(base), ours: fileOf(ours), theirs: fileOf(theirs) };
  const merged = mergeIssueFiles(files);
  const mirrored = mergeIssueFiles({ ...files, ours: files.theirs, theirs: files.ours });
  expect(mirrored.content.toString()).toBe(merged.content.toString());
  return merged;
}

/** The lines of a merge without problems. */
function mergedLines(base: Lines, ours: Lines, theirs: Lines): string[] {
  const { content, issues, problems } = merge(base, ours, theirs);
  expect(problems).toEqual([]);
  const lines = linesOf(content);
  expect(lines).toHaveLength(issues);
  return lines;
}

function linesOf(content: Buffer): string[] {
  return content.toString().split('\n').slice(0, -1);
}

function stateIn(line: string | undefined): IssueState {
  const decoded = decodeLine(line ?? '', 0);
  if (decoded.kind !== 'sealed') throw new Error(`not sealed: ${line}`);
  return decoded.state;
}

/** The one issue of a merge. */
function mergedState(base: Lines, ours: Lines, theirs: Lines): IssueState {
  const lines = mergedLines(base, ours, theirs);
  expect(lines).toHaveLength(1);
  return stateIn(lines[0]);
}

const classic = (fields: Record<string, unknown> = {}): string => encodeIssueLine(record(fields));

/** As a program writes it that reads and writes all of JSON in its own way. */
const spaced = (line: string): string => line.replace(',"_bd":{', ', "_bd": {');

const textsOf = (state: IssueState, key: string): string[] =>
  (state.entries.get(key) ?? []).flatMap(({ value }) => (typeof value === 'string' ? value : []));

/** As a tool does that keeps keys it does not know. */
function editedKeepingSeal(state: IssueState, fields: Record<string, unknown>): string {
  return JSON.stringify({ ...(JSON.parse(encodeState(state)) as object), ...fields });
}

describe('sealed lines', () => {
  const base = created({ labels: ['born', 'old'] });

  it('keep the edits of both sides', () => {
    const ours = write(base, 'bbbbbb', 1, put('title', 'ours'), remove('l/old'));
    const theirs = write(base, 'cccccc', 2, put('notes', 'theirs'), put('l/new', undefined));
    const merged = mergedState([encodeState(base)], [encodeState(ours)], [encodeState(theirs)]);
    expect(shown(merged)).toMatchObject({
      title: 'ours',
      notes: 'theirs',
      labels: ['born', 'new'],
    });
  });

  it('keep two values of one field beside each other', () => {
    const ours = write(base, 'bbbbbb', 1, put('title', 'ours'));
    const theirs = write(base, 'cccccc', 2, put('title', 'theirs'));
    const merged = mergedState([encodeState(base)], [encodeState(ours)], [encodeState(theirs)]);
    expect(textsOf(merged, 'title')).toEqual(['ours', 'theirs']);
    expect(listConflicts(merged).map(({ key }) => key)).toEqual(['title']);
  });

  it('do not go back: a reverted commit undoes no edit', () => {
    const edited = write(base, 'bbbbbb', 1, put('title', 'edited'));
    const line = encodeState(edited);
    expect(mergedLines([line], [line], [encodeState(base)])).toEqual([line]);
  });

  it('know what the base knows, though both sides have older lines', () => {
    const edited = encodeState(write(base, 'bbbbbb', 1, put('title', 'edited')));
    const notes = encodeState(write(base, 'cccccc', 1, put('notes', 'noted')));
    const merged = mergedState([edited], [encodeState(base)], [notes]);
    expect(shown(merged)).toMatchObject({ title: 'edited', notes: 'noted' });
  });

  it('keep their spelling where one of them says everything', () => {
    const edited = write(base, 'bbbbbb', 1, put('title', 'edited'));
    const respelled = spaced(encodeState(edited));
    expect(decodeLine(respelled, 0).kind).toBe('sealed');
    const before = encodeState(base);
    expect(mergedLines([before], [before], [respelled])).toEqual([respelled]);
    expect(mergedLines([before], [encodeState(edited)], [respelled])).toEqual([
      encodeState(edited),
    ]);
  });

  it('come in by a cherry-pick with all that they know', () => {
    const picked = write(base, 'bbbbbb', 1, put('title', 'before the pick'));
    const theirs = write(picked, 'bbbbbb', 2, put('notes', 'picked'));
    const ours = write(base, 'cccccc', 3, put('design', 'ours'));
    const merged = mergedState([encodeState(picked)], [encodeState(ours)], [encodeState(theirs)]);
    expect(shown(merged)).toMatchObject({
      title: 'before the pick',
      notes: 'picked',
      design: 'ours',
    });
  });
});

describe('a long text', () => {
  const text = (description: string) => put('description', description);
  const base = created({ description: 'one\ntwo\nthree' });
  const ours = write(base, 'bbbbbb', 1, text('ONE\ntwo\nthree'));
  const merge3 = (theirs: IssueState): IssueState =>
    mergedState([encodeState(base)], [encodeState(ours)], [encodeState(theirs)]);

  it('that both sides changed in other lines is merged, and no conflict', () => {
    const merged = merge3(write(base, 'cccccc', 2, text('one\ntwo\nTHREE')));
    expect(shown(merged).description).toBe('ONE\ntwo\nTHREE');
    expect(listConflicts(merged)).toEqual([]);
  });

  it('of a note that both made, or lines of other tools, is merged too', () => {
    const [mia, lee] = ['mia', 'lee'].map((who) => write(base, `${who}xxx`, 1, put('notes', who)));
    const noted = mergedState([encodeState(base)], [encodeState(mia!)], [encodeState(lee!)]);
    expect(shown(noted).notes).toBe('lee\nmia');
    const [before, left, right] = ['a\nb\nc', 'A\nb\nc', 'a\nb\nC'];
    const merged = mergedState(
      [classic({ description: before })],
      [classic({ description: left })],
      [classic({ description: right, updated_at: '2026-02-01T00:00:00Z' })],
    );
    expect(shown(merged).description).toBe('A\nb\nC');
  });

  it('is merged once: merging again with either side, or with what one wrote since, gives no conflict', () => {
    const theirs = write(base, 'cccccc', 2, text('one\ntwo\nTHREE'));
    const merged = merge3(theirs);
    const line = encodeState(merged);
    for (const side of [ours, theirs]) {
      expect(mergedLines([encodeState(base)], [line], [encodeState(side)])).toEqual([line]);
    }
    const since = write(theirs, 'cccccc', 3, text('one\ntwo\nTHREE\nfour'));
    const again = mergedState([encodeState(theirs)], [line], [encodeState(since)]);
    expect(shown(again).description).toBe('ONE\ntwo\nTHREE\nfour');
    expect(listConflicts(again)).toEqual([]);
  });

  it('stays as two values when the base does not show what both were made from', () => {
    const theirs = write(base, 'cccccc', 2, text('one\ntwo\nTHREE'));
    expect(
      textsOf(mergedState([], [encodeState(ours)], [encodeState(theirs)]), 'description'),
    ).toHaveLength(2);
  });

  it('stays as two values when both sides changed the same line', () => {
    const merged = merge3(write(base, 'cccccc', 2, text('1\ntwo\nthree')));
    expect(textsOf(merged, 'description')).toHaveLength(2);
  });
});

describe('lines without _bd', () => {
  it('become edits of the base: both sides’ changes and removals stand', () => {
    const base = classic({ labels: ['a', 'b'], notes: 'old' });
    const ours = classic({ labels: ['a'], notes: 'old', title: 'ours' });
    const theirs = classic({ labels: ['a', 'b', 'c'], notes: 'new' });
    const merged = mergedState([base], [ours], [theirs]);
    expect(shown(merged)).toMatchObject({ title: 'ours', notes: 'new', labels: ['a', 'c'] });
    expect(listConflicts(merged)).toEqual([]);
  });

  it('keep both values where both sides changed one field', () => {
    const merged = mergedState(
      [classic()],
      [classic({ title: 'ours' })],
      [classic({ title: 'theirs' })],
    );
    expect(textsOf(merged, 'title').sort()).toEqual(['ours', 'theirs']);
  });

  it('stay unchanged when no side changed them, and when only one side has them', () => {
    const own = classic().replace('{"id":', '{ "id": ');
    expect(mergedLines([own], [own], [own])).toEqual([own]);
    expect(mergedLines([], [own], [])).toEqual([own]);
  });

  it('are edits of a sealed base too', () => {
    const base = created({ labels: ['born'] });
    const theirs = write(base, 'bbbbbb', 1, put('notes', 'theirs'));
    const foreign = encodeIssueLine({ ...shown(base), title: 'foreign', labels: [] });
    const merged = mergedState([encodeState(base)], [foreign], [encodeState(theirs)]);
    expect(shown(merged)).toMatchObject({ title: 'foreign', notes: 'theirs' });
    expect(shown(merged).labels).toBeUndefined();
    expect(listConflicts(merged)).toEqual([]);
  });

  it('are no edits of a base that is newer: its writer had not seen that', () => {
    const base = write(created({ title: 'old' }), 'bbbbbb', 1, put('title', 'new'));
    const stale = encodeIssueLine({ ...shown(created({ title: 'old' })), notes: 'stale' });
    const merged = mergedState([encodeState(base)], [stale], [encodeState(base)]);
    expect(shown(merged)).toMatchObject({ title: 'new', notes: 'stale' });
    expect(textsOf(merged, 'title')).toEqual(['old', 'new']);
  });

  it('bring no edit when only _bd was dropped', () => {
    const base = created();
    const theirs = encodeState(write(base, 'bbbbbb', 1, put('title', 'theirs')));
    expect(mergedLines([encodeState(base)], [classicPart(encodeState(base))], [theirs])).toEqual([
      theirs,
    ]);
  });

  it('have the same birth as a lift that a clone made of the same base', () => {
    const base = classic({ notes: 'old' });
    const ours = write(liftFirst(record({ notes: 'old' })), 'bbbbbb', 1, put('title', 'ours'));
    const merged = mergedState([base], [encodeState(ours)], [classic({ notes: 'new' })]);
    expect(shown(merged)).toMatchObject({ title: 'ours', notes: 'new' });
    expect(listConflicts(merged)).toEqual([]);
  });
});

describe('lines whose _bd does not seal them', () => {
  const older = created({ labels: ['born', 'old'] });
  const base = write(older, 'bbbbbb', 1, put('title', 'base'), remove('l/old'));

  it('are edits of the base when they were made from it', () => {
    const ours = editedKeepingSeal(base, { notes: 'ours', labels: [] });
    const merged = mergedState([encodeState(base)], [ours], [encodeState(base)]);
    expect(shown(merged)).toMatchObject({ title: 'base', notes: 'ours' });
    expect(shown(merged).labels).toBeUndefined();
  });

  it('are concurrent to all when they were made from another version', () => {
    const ours = editedKeepingSeal(older, { notes: 'ours' });
    const theirs = write(base, 'cccccc', 2, put('design', 'theirs'));
    const merged = mergedState([encodeState(base)], [ours], [encodeState(theirs)]);
    // Taken for an edit of the base, it would have set the title back knowingly.
    expect(textsOf(merged, 'title').sort()).toEqual(['base', 'first']);
    expect(shown(merged)).toMatchObject({ notes: 'ours', design: 'theirs' });
  });

  it('are concurrent to all when it is unknown what they were made from', () => {
    const line = encodeState(base);
    const ours = `${classicPart(line).slice(0, -1).replace('"base"', '"ours"')},"_bd":{"h":7}}`;
    const merged = mergedState([line], [ours], [line]);
    expect(textsOf(merged, 'title').sort()).toEqual(['base', 'ours']);
  });

  it('are concurrent to all when only the record looks like their base', () => {
    const [left, right] = ['bbbbbb', 'cccccc'].map((by) =>
      write(base, by, 3, put('title', by === 'bbbbbb' ? 'hidden' : 'shown')),
    );
    const both = joinAll(left!, right!);
    const ours = editedKeepingSeal(right!, { title: 'ours' });
    expect(classicPart(encodeState(both))).toBe(classicPart(encodeState(right!)));
    const merged = mergedState([encodeState(both)], [ours], [encodeState(both)]);
    expect(textsOf(merged, 'title').sort()).toEqual(['hidden', 'ours', 'shown']);
  });

  it('may have its keys in another order', () => {
    const [, causal = ''] = /"_bd":(.*)\}$/.exec(encodeState(base)) ?? [];
    const turned = Object.fromEntries(Object.entries(JSON.parse(causal) as object).reverse());
    const ours = editedKeepingSeal(base, { title: 'ours', _bd: turned });
    const merged = mergedState([encodeState(base)], [ours], [encodeState(base)]);
    expect(textsOf(merged, 'title')).toEqual(['ours']);
  });

  it('find their version in a base that has the issue twice', () => {
    const ours = editedKeepingSeal(base, { title: 'ours' });
    const both = [encodeState(older), encodeState(base)];
    expect(textsOf(mergedState(both, [ours], both), 'title')).toEqual(['ours']);
    const bare = encodeIssueLine({ ...shown(base), title: 'ours' });
    expect(textsOf(mergedState(both, [bare], both), 'title').sort()).toEqual(['base', 'ours']);
  });
});

describe('an absent line', () => {
  const a = created();
  const line = encodeState(a);
  const edited = encodeState(write(a, 'bbbbbb', 1, put('title', 'edited')));

  it.each([
    ['on both sides', [line], [], [], [line]],
    ['on one side', [line], [line], [], [line]],
    ['where the other edited it', [line], [], [edited], [edited]],
    ['in the base', [], [line], [edited], [edited]],
    ['everywhere but in the classic base', [classic()], [], [], [classic()]],
  ])('%s deletes nothing', (_where, base, ours, theirs, expected) => {
    expect(mergedLines(base, ours, theirs)).toEqual(expected);
  });

  it('lets a tombstone do its work', () => {
    const dead = encodeState(write(a, 'bbbbbb', 1, put('deleted', { deleted: true })));
    expect(mergedLines([line], [dead], [])).toEqual([dead]);
  });
});

function bornApart(replica: string, fields: Record<string, unknown>): IssueState {
  const issue = record(fields);
  const stamp = { replica, nowMs: BORN_MS, updatedAt: issue.updated_at };
  return createState(issue.id, creationWrites(issue), stamp);
}

describe('two issues with one id', () => {
  const early = bornApart('bbbbbb', { title: 'early' });
  const late = bornApart('cccccc', { title: 'late', created_at: '2026-01-01T00:00:01Z' });

  it('both stay, the later one under an id that every clone gives it', () => {
    const lines = mergedLines([], [encodeState(early)], [encodeState(late)]);
    expect(lines.map((line) => shown(stateIn(line)).title)).toEqual(['early', 'late']);
    expect(stateIn(lines[1]).id).toMatch(/^a-1-[0-9a-z]{3}$/);
  });

  it('are merged again with later changes of the one that was moved', () => {
    const [, moved] = mergedLines([], [encodeState(early)], [encodeState(late)]);
    const renamed = write(stateIn(moved), 'dddddd', 5, put('title', 'renamed'));
    const noted = write(late, 'eeeeee', 6, put('notes', 'noted'));
    const lines = mergedLines([], [encodeState(early), encodeState(renamed)], [encodeState(noted)]);
    expect(lines).toHaveLength(2);
    expect(shown(stateIn(lines[1]))).toMatchObject({ title: 'renamed', notes: 'noted' });
  });

  it('can be three, in any of the files', () => {
    const third = bornApart('dddddd', { title: 'third', created_at: '2026-01-01T00:00:02Z' });
    const lines = mergedLines(
      [],
      [encodeState(third), encodeState(late)],
      [encodeState(early), encodeState(late)],
    );
    const titles = lines.map((line) => shown(stateIn(line)).title);
    expect(titles[0]).toBe('early');
    expect(titles.sort()).toEqual(['early', 'late', 'third']);
  });

  it('are told apart without _bd too', () => {
    const ours = classic({ title: 'early' });
    const theirs = classic({ title: 'late', created_at: '2026-01-01T00:00:01Z' });
    const lines = mergedLines([], [ours], [theirs]);
    expect(lines.map((line) => shown(stateIn(line)).title).sort()).toEqual(['early', 'late']);
  });
});

describe('lines that cannot be read', () => {
  const line = encodeState(created());
  const broken = [Buffer.from('{"id":"a-9","title":'), Buffer.from([0xff, 0xfe])];

  it('come last, one unchanged copy of each', () => {
    const { content, problems } = merge([], [broken[1]!, line, broken[0]!], [line, broken[0]!]);
    expect(content).toEqual(fileOf([line, broken[0]!, broken[1]!]));
    expect(problems).toEqual([
      { at: { file: 'ours', line: 1 }, problem: 'not UTF-8' },
      { at: { file: 'ours', line: 3 }, problem: expect.stringContaining('not JSON') },
      { at: { file: 'theirs', line: 2 }, problem: expect.stringContaining('not JSON') },
    ]);
  });

  it('do not come back when both sides have put them right', () => {
    expect(mergedLines([broken[0]!], [line], [line])).toEqual([line]);
  });
});

describe('a file as people and git leave it', () => {
  it('may have markers, CRLF, a mark at its begin, an issue twice and lines in any order', () => {
    const a = created();
    const b = encodeState({ ...created(), id: 'a-0' as IssueId });
    const ours = encodeState(write(a, 'bbbbbb', 1, put('notes', 'n')));
    const theirs = encodeState(write(a, 'cccccc', 1, put('design', 'd')));
    const messy = `\uFEFF<<<<<<< x\r\n${ours}\r\n=======\r\n${theirs}\r\n>>>>>>> y\r\n\r\n${b}`;
    const empty = Buffer.alloc(0);
    const { content, problems } = mergeIssueFiles({
      base: empty,
      ours: Buffer.from(messy),
      theirs: empty,
    });
    expect(problems).toEqual([]);
    const lines = linesOf(content);
    expect(lines[0]).toBe(b);
    expect(lines[1]).toBe(encodeState(joinAll(stateIn(ours), stateIn(theirs))));
  });

  it('is sorted by the bytes of ids', () => {
    const ids = ['a-2', 'a-10', 'a-1', 'a-1.1', 'a-1-x'];
    const lines = ids.map((id) => encodeState({ ...created(), id: id as IssueId }));
    const merged = mergedLines([], lines, []);
    expect(merged.map((line) => stateIn(line).id)).toEqual([
      'a-1',
      'a-1-x',
      'a-1.1',
      'a-10',
      'a-2',
    ]);
  });
});

it.each([
  ['by what it shows', { notes: 9 }, { design: 9 }],
  ['by what it hides', { notes: 5, design: 5 }, { notes: 5, design: 5 }],
])(
  'an issue that would be too long %s leaves both versions as they are, and says so',
  (_how, mine, yours) => {
    const base = created();
    const edit = (replica: string, megabytes: Record<string, number>): string =>
      encodeState(
        write(
          base,
          replica,
          1,
          ...Object.entries(megabytes).map(([key, size]) =>
            put(key, replica.slice(0, 1).repeat(size * 1024 * 1024)),
          ),
        ),
      );
    const [ours, theirs] = [edit('bbbbbb', mine), edit('cccccc', yours)];
    const { content, problems } = merge([encodeState(base)], [ours], [theirs]);
    expect(problems).toEqual([{ problem: expect.stringContaining('a-1: all that is known') }]);
    expect(content.includes(`${ours}\n`)).toBe(true);
    expect(content.includes(`${theirs}\n`)).toBe(true);
  },
);

// What follows holds whatever people, clones and other tools have done.

const FORMS = [
  'sealed',
  'sealed',
  'sealed',
  'spaced',
  'classic',
  'edited',
  'edited with seal',
  'other birth',
  'broken',
] as const;

interface Pick {
  clone: number;
  id: number;
  form: (typeof FORMS)[number];
}

const picks = fc.array(
  fc.record({
    clone: fc.nat({ max: 3 }),
    id: fc.nat({ max: 2 }),
    form: fc.constantFrom(...FORMS),
  }),
  { maxLength: 5 },
);

const IDS = ['a-1', 'a-2', 'a-1-b'] as const;

function lineFor({ clone, id, form }: Pick, states: readonly IssueState[]): string {
  const state: IssueState = { ...states[clone]!, id: IDS[id]! as IssueId };
  const line = encodeState(state);
  switch (form) {
    case 'sealed':
      return line;
    case 'spaced':
      return spaced(line);
    case 'classic':
      return classicPart(line);
    case 'edited':
      return encodeIssueLine(edited(shown(state), clone));
    case 'edited with seal':
      return editedKeepingSeal(state, { notes: `by ${clone}` });
    case 'other birth': {
      const createdAt = `2026-01-01T00:00:0${clone}Z`;
      return encodeState(bornApart(`other${clone}`, { id: IDS[id], created_at: createdAt }));
    }
    case 'broken':
      return line.slice(0, 12 + clone);
  }
}

const edited = (issue: Issue, by: number): Issue => ({ ...issue, notes: `by ${by}` });

interface Told {
  history: Step[];
  clocks: number[];
  early: number;
  base: Pick[];
  ours: Pick[];
  theirs: Pick[];
}

const situation = fc
  .record({
    history: steps,
    clocks: skews,
    early: fc.nat({ max: 40 }),
    base: picks,
    ours: picks,
    theirs: picks,
  })
  .map(
    remembered(({ history, clocks, early, base, ours, theirs }: Told) => {
      const before = play(history.slice(0, early), clocks).map(({ state }) => state);
      const after = play(history, clocks).map(({ state }) => state);
      return {
        base: base.map((pick) => lineFor(pick, before)),
        ours: ours.map((pick) => lineFor(pick, after)),
        theirs: theirs.map((pick) => lineFor(pick, after)),
      };
    }),
  );

const property = (
  name: string,
  check: (files: { base: string[]; ours: string[]; theirs: string[] }) => void,
): void =>
  it(name, () => fc.assert(fc.property(situation, check), propertyRuns(100)), PROPERTY_TIMEOUT_MS);

describe('for any files', () => {
  property('whichever side is ours, the bytes are the same', ({ base, ours, theirs }) => {
    merge(base, ours, theirs);
  });

  property('the order of lines does not matter', ({ base, ours, theirs }) => {
    const { content } = merge(base, ours, theirs);
    const turned = merge([...base].reverse(), [...ours].reverse(), [...theirs].reverse());
    expect(turned.content.toString()).toBe(content.toString());
  });

  property('what came out is its own merge', ({ base, ours, theirs }) => {
    const merged = linesOf(merge(base, ours, theirs).content);
    expect(linesOf(merge(merged, merged, merged).content)).toEqual(merged);
    expect(linesOf(merge([], merged, merged).content)).toEqual(merged);
  });

  property('all that is sealed on a side is known, once per id', ({ base, ours, theirs }) => {
    const { content, issues, problems } = merge(base, ours, theirs);
    const lines = linesOf(content);
    const states = new Map<string, IssueState>();
    for (const line of lines.slice(0, issues)) {
      const decoded = decodeLine(line, 0);
      if (decoded.kind === 'unreadable') throw new Error(line);
      const state = decoded.kind === 'sealed' ? decoded.state : liftFirst(decoded.issue);
      expect(states.has(state.id)).toBe(false);
      states.set(state.id, state);
    }
    const broken = new Set([...ours, ...theirs].filter((line) => line.length < 30));
    expect(lines.slice(issues).sort()).toEqual([...broken].sort());
    expect(problems.length === 0).toBe(broken.size === 0);
    for (const line of [...ours, ...theirs]) {
      const decoded = decodeLine(line, 0);
      if (decoded.kind !== 'sealed') continue;
      const { state } = decoded;
      const holder = [...states.values()].find(
        (other) =>
          other.id.startsWith(state.id) &&
          encodeState(joinStates(other, state)) === encodeState(other),
      );
      expect(holder, line).toBeDefined();
    }
  });

  property('every edit of another tool is among the values', ({ base, ours, theirs }) => {
    const lines = linesOf(merge(base, ours, theirs).content);
    const told = lines.join('\n');
    for (const line of [...ours, ...theirs]) {
      const note = /"notes":"(by \d)"/.exec(line)?.[1];
      // What the base has already was no edit, and may have been replaced.
      const isOld = note !== undefined && base.some((before) => before.includes(note));
      if (note !== undefined && !isOld) expect(told).toContain(note);
    }
  });
});
