import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SLICE_RECORDS, STAMP_MS } from '../../../src/core/limits.ts';
import { MirrorFile, type Mirror } from '../../../src/sync/mirror/mirror-file.ts';
import { StagedFile } from '../../../src/platform/files.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import { eventually } from '../../support/eventually.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { classic, conflicts, issue, line, lines, put } from '../fixture.ts';
import { useSandbox } from '../../support/sandbox.ts';

const LATER = '2026-01-01T12:00:00.000Z';
const EARLIER = '2025-12-31T00:00:00.000Z';

const sandbox = useSandbox();
let clock: FakeClock;
let store: Store;
let mirror: Mirror;
let path: string;
/** What another program does while the flush waits for a file that ends in half a line. */
let meanwhile: () => void;

const shown = (): string => readFileSync(path, 'utf8');
/** Without `_bd`, as other tools read it. */
const classicShown = (): string => classic(shown().split('\n')).join('\n');
const write = (...rows: string[]): void =>
  writeFileSync(path, rows.map((row) => `${row}\n`).join(''));
const quarantined = (): string[] => {
  const directory = join(sandbox.directory, 'quarantine');
  if (!existsSync(directory)) return [];
  return readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'));
};

const openMirror = (): Mirror =>
  new MirrorFile({
    path,
    quarantineDirectory: join(sandbox.directory, 'quarantine'),
    store,
    clock,
    pause: () => {
      meanwhile();
      return Promise.resolve();
    },
  });

/** Does something before the next such step of writing a file. */
function beforeOnce(step: 'create' | 'write' | 'sync' | 'commit', work: () => void): void {
  const owner: unknown = step === 'create' ? StagedFile : StagedFile.prototype;
  const spy = vi.spyOn(owner as Record<string, () => unknown>, step);
  spy.mockImplementationOnce(function (this: unknown, ...args: unknown[]) {
    spy.mockRestore();
    work();
    return Reflect.apply(Reflect.get(owner as object, step), this, args);
  });
}

beforeEach(() => {
  clock = createFakeClock();
  store = openStore(join(sandbox.directory, 'beads.db'), { clock });
  path = join(sandbox.directory, 'beads.jsonl');
  meanwhile = () => {};
  mirror = openMirror();
});
afterEach(() => {
  store.close();
});

describe('writing the mirror', () => {
  it('shows every issue once, in id order', async () => {
    put(store, issue('t-b'), issue('t-a'), issue('t-a.1'));
    expect(await mirror.flush()).toMatchObject({ written: true, imported: 0 });
    expect(classicShown()).toBe(`${line('t-a')}\n${line('t-a.1')}\n${line('t-b')}\n`);
    expect(mirror.isBehind()).toBe(false);
  });

  it('shows more issues than fit one page', async () => {
    const ids = Array.from({ length: 2 * SLICE_RECORDS + 1 }, (_, at) => `t-${10_000 + at}`);
    put(store, ...ids.map((id) => issue(id)));
    await mirror.flush();
    expect(classicShown()).toBe(ids.map((id) => `${line(id)}\n`).join(''));
  });

  it('writes nothing when nothing changed', async () => {
    put(store, issue('t-a'));
    await mirror.flush();
    const before = statSync(path, { bigint: true });
    expect(await mirror.flush()).toMatchObject({ written: false, imported: 0 });
    const after = statSync(path, { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  });

  it('makes no file for an empty store', async () => {
    await mirror.flush();
    expect(existsSync(path)).toBe(false);
    expect(mirror.isBehind()).toBe(false);
  });

  it('is written again after it was deleted', async () => {
    put(store, issue('t-a'));
    await mirror.flush();
    rmSync(path);
    expect(await mirror.flush()).toMatchObject({ written: true });
    expect(classicShown()).toBe(`${line('t-a')}\n`);
  });

  it('leaves no temporary file, not even that of a killed process', async () => {
    writeFileSync(join(sandbox.directory, `.${basename(path)}.123.abc.tmp`), 'half');
    put(store, issue('t-a'));
    await mirror.flush();
    expect(readdirSync(sandbox.directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it.each([
    ['begins', 'create'],
    ['writes its own beside it', 'write'],
    ['waits for the disk', 'sync'],
  ] as const)('takes in what was written while it %s', async (_name, step) => {
    put(store, issue('t-a'));
    await mirror.flush();
    put(store, issue('t-b'));
    const edit = vi.fn(() => appendFileSync(path, `${line('t-c')}\n`));
    beforeOnce(step, edit);
    expect(await mirror.flush()).toMatchObject({ written: true, imported: 1 });
    expect(edit).toHaveBeenCalledOnce();
    expect(classicShown()).toBe(`${line('t-a')}\n${line('t-b')}\n${line('t-c')}\n`);
    expect(store.state.get('mirror:')?.seq).toBe(store.events.lastSeq());
  });

  it('never copies lines that were there for a moment while it wrote', async () => {
    put(store, issue('t-a', { title: 'Ours' }));
    await mirror.flush();
    const before = shown();
    put(store, issue('t-b'));
    beforeOnce('create', () => {
      writeFileSync(path, before.replace('Ours', 'Hers'), { flag: 'r+' });
      beforeOnce('sync', () => writeFileSync(path, before, { flag: 'r+' }));
    });
    await mirror.flush();
    expect(shown()).toBe(`${lines(store).join('\n')}\n`);
    expect(store.issues.get('t-a')?.title).toBe('Ours');
  });
});

describe('an outside edit', () => {
  beforeEach(async () => {
    put(store, issue('t-a'), issue('t-b', { updated_at: LATER }));
    await mirror.flush();
  });

  it('under an unchanged updated_at is newer than ours, and moves updated_at forward', async () => {
    write(line('t-a', { title: 'By hand' }), line('t-b', { updated_at: LATER }));
    expect(await mirror.flush()).toMatchObject({ imported: 1, written: true });
    expect(store.issues.get('t-a')).toMatchObject({
      title: 'By hand',
      updated_at: new Date(clock.nowMs()).toISOString(),
    });
    expect(shown()).toContain('By hand');
    expect(store.outbox.pending().ids).toContain('t-a');
  });

  it('with a newer updated_at is joined as it is', async () => {
    const newer = '2026-01-01T13:00:00.000Z';
    write(line('t-a'), line('t-b', { title: 'By another tool', updated_at: newer }));
    await mirror.flush();
    expect(classic(lines(store))[1]).toBe(
      line('t-b', { title: 'By another tool', updated_at: newer }),
    );
    expect(conflicts(store, 't-b')).toEqual([]);
  });

  it('that is an old copy changes nothing and is written over', async () => {
    const old = shown();
    put(store, issue('t-b', { title: 'New', updated_at: LATER }));
    await mirror.flush();
    const current = shown();
    for (const copy of [old, classic(old.split('\n')).join('\n')]) {
      writeFileSync(path, copy);
      expect(await mirror.flush()).toMatchObject({ imported: 0, written: true });
      expect(shown()).toBe(current);
    }
  });

  it('of a version that is not known here is kept as a conflict and not shown', async () => {
    write(line('t-a'), line('t-b', { title: 'Old', updated_at: EARLIER }));
    await mirror.flush();
    expect(classicShown()).toBe(`${line('t-a')}\n${line('t-b', { updated_at: LATER })}\n`);
    expect(conflicts(store, 't-b')).toEqual(['title: "Title of t-b" | "Old"']);
  });

  it('made in an old copy keeps what was changed here since', async () => {
    const old = shown();
    put(store, issue('t-a', { title: 'Changed here', labels: ['here'] }));
    await mirror.flush();
    writeFileSync(path, old.replace('"priority":2', '"priority":0'));
    await mirror.flush();
    expect(store.issues.get('t-a')).toMatchObject({
      title: 'Changed here',
      labels: ['here'],
      priority: 0,
    });
    expect(conflicts(store, 't-a')).toEqual([]);
  });

  it('does not undo a change made here, also when what the file showed is forgotten', async () => {
    put(store, issue('t-a', { title: 'Changed here' }));
    put(store, issue('t-a', { title: 'Changed here', labels: ['here'] }));
    store.versions.forget(store.events.lastSeq() - 1);
    write(line('t-a', { priority: 0, updated_at: LATER }), line('t-b', { updated_at: LATER }));
    await mirror.flush();
    const values = [store.issues.get('t-a')?.title, ...conflicts(store, 't-a')].join(' ');
    expect(values).toContain('Changed here');
    expect(store.issues.get('t-a')?.labels ?? conflicts(store, 't-a')).toContain('here');
  });

  it('meets a change made here that the file did not show yet', async () => {
    put(store, issue('t-a', { title: 'Changed here', labels: ['here'] }));
    write(line('t-a', { priority: 0 }), line('t-b', { updated_at: LATER }));
    await mirror.flush();
    expect(store.issues.get('t-a')).toMatchObject({
      title: 'Changed here',
      labels: ['here'],
      priority: 0,
    });
  });

  it('of a field that was changed here too leaves both to choose from', async () => {
    put(store, issue('t-a', { title: 'Changed here' }));
    write(line('t-a', { title: 'By hand' }), line('t-b', { updated_at: LATER }));
    await mirror.flush();
    expect(conflicts(store, 't-a')).toHaveLength(1);
    expect(conflicts(store, 't-a')[0]).toContain('By hand');
    expect(conflicts(store, 't-a')[0]).toContain('Changed here');
  });

  it('that has the time of a later change by chance leaves both too', async () => {
    put(store, issue('t-a'));
    await mirror.flush();
    put(store, issue('t-a', { title: 'Ours', updated_at: LATER }));
    write(line('t-a', { title: 'Theirs', updated_at: LATER }));
    await mirror.flush();
    expect(conflicts(store, 't-a')).toEqual([
      expect.stringMatching(/^title: "(Ours|Theirs)" \| "(Ours|Theirs)"$/) as string,
    ]);
  });

  it('is judged by content, whatever the time of the file', async () => {
    utimesSync(path, new Date('2030-01-01'), new Date('2030-01-01'));
    expect(await mirror.flush()).toMatchObject({ imported: 0, written: false });
    write(line('t-a'), line('t-b', { updated_at: LATER }), line('t-c'));
    utimesSync(path, new Date('2000-01-01'), new Date('2000-01-01'));
    expect(await mirror.flush()).toMatchObject({ imported: 1 });
  });

  it.each([
    ['an empty file', ''],
    ['a file with one line left', `${line('t-a')}\n`],
  ])('deletes nothing: %s', async (_name, content) => {
    writeFileSync(path, content);
    await mirror.flush();
    expect(classic(lines(store))).toEqual([line('t-a'), line('t-b', { updated_at: LATER })]);
    expect(shown()).toContain('t-b');
  });

  it('brings no deleted issue back', async () => {
    const tombstone = issue('t-a', { status: 'tombstone', updated_at: LATER });
    put(store, tombstone);
    await mirror.flush();
    write(line('t-a', { updated_at: LATER }), line('t-b', { updated_at: LATER }));
    await mirror.flush();
    expect(store.issues.get('t-a')?.status).toBe('tombstone');
  });

  it('that only reorders keys, spaces or line ends is no change', async () => {
    const { id, ...rest } = JSON.parse(line('t-a')) as Record<string, unknown>;
    writeFileSync(
      path,
      `\uFEFF${JSON.stringify({ ...rest, id }, undefined, 1).replaceAll('\n', '')}\r\n`,
    );
    expect(await mirror.flush()).toMatchObject({ imported: 0, written: true, problems: [] });
    expect(classic(lines(store))[0]).toBe(line('t-a'));
  });

  it('with an id twice takes in both, the newest last standing', async () => {
    write(
      line('t-a', { title: 'Newest', updated_at: '2026-01-03T00:00:00.000Z' }),
      line('t-a', { title: 'New', updated_at: '2026-01-02T00:00:00.000Z' }),
    );
    await mirror.flush();
    expect(store.issues.get('t-a')?.title).toBe('Newest');
    expect(shown().match(/"id":"t-a"/g)).toHaveLength(1);
  });

  it('with conflict markers takes in both sides', async () => {
    const base = line('t-old');
    writeFileSync(
      path,
      `<<<<<<< ours\n${line('t-c')}\n||||||| base\n${base}\n=======\n${line('t-d')}\n>>>>>>> theirs\n`,
    );
    const report = await mirror.flush();
    expect(report).toMatchObject({ imported: 2, written: true, problems: [] });
    expect(store.issues.get('t-old')).toBeUndefined();
    expect(shown()).not.toContain('<<<');
  });

  it('says in the event how the issue changed', async () => {
    const closed = { status: 'closed', closed_at: LATER, updated_at: LATER } as const;
    write(line('t-a', closed), line('t-c', { created_by: 'bob' }));
    const before = store.events.lastSeq();
    await mirror.flush();
    const events = store.events.read({ after: before, limit: 10 });
    expect(
      events.map(({ issue_id, kind, actor, origin }) => [issue_id, kind, actor, origin]),
    ).toEqual([
      ['t-a', 'closed', '', 'mirror'],
      ['t-c', 'created', 'bob', 'mirror'],
    ]);
  });
});

describe('a broken line', () => {
  it('is kept word for word and reported, and the lines beside it come in', async () => {
    put(store, issue('t-a'));
    await mirror.flush();
    const broken = ['{"id":"t-x","title":', '{"id":"t-y","title":"Y","priority":9}'];
    write(broken[0]!, line('t-b'), broken[1]!);
    const report = await mirror.flush();
    expect(report.problems.map(({ line }) => line)).toEqual([1, 3]);
    expect(report.problems[1]?.problem).toContain('9');
    expect(quarantined()).toEqual([`${broken.join('\n')}\n`]);
    expect(basename(report.quarantine!)).toMatch(/^[0-9a-f]{12}\.jsonl$/);
    expect(classicShown()).toBe(`${line('t-a')}\n${line('t-b')}\n`);
    expect(await mirror.flush()).toMatchObject({ problems: [], written: false });
  });

  it('stays in the mirror while it cannot be kept elsewhere', async () => {
    writeFileSync(join(sandbox.directory, 'quarantine'), 'a file where the directory should be');
    write('{"id":"t-x","ti', line('t-b'));
    await expect(mirror.flush()).rejects.toMatchObject({ code: 'FILE_UNUSABLE' });
    expect(shown()).toContain('{"id":"t-x","ti');
    expect(store.issues.get('t-b')).toBeDefined();
  });

  it('at the end is waited for, as it may still be being written', async () => {
    const whole = `${line('t-a')}\n${line('t-b')}\n`;
    writeFileSync(path, whole.slice(0, -20));
    meanwhile = () => writeFileSync(path, whole);
    expect(await mirror.flush()).toMatchObject({ imported: 2, problems: [] });
    expect(quarantined()).toEqual([]);
  });

  it('at the end that stays cut is kept', async () => {
    writeFileSync(path, `${line('t-a')}\n${line('t-b').slice(0, -20)}`);
    const report = await mirror.flush();
    expect(report).toMatchObject({ imported: 1 });
    expect(quarantined()).toEqual([`${line('t-b').slice(0, -20)}\n`]);
  });
});

describe('a store that was lost', () => {
  it('is restored from the mirror before anything is written', async () => {
    const rows = ['t-a', 't-b', 't-c'].map((id) => line(id));
    write(...rows);
    put(store, issue('t-new'));
    await mirror.flush();
    expect(classic(lines(store))).toEqual([...rows, line('t-new')]);
    expect(classicShown()).toBe([...rows, line('t-new')].map((row) => `${row}\n`).join(''));
  });
});

describe('a mirror that cannot be written', () => {
  it('is an error that names the file, and nothing is lost', async () => {
    rmSync(sandbox.directory, { recursive: true });
    put(store, issue('t-a'));
    await expect(mirror.flush()).rejects.toMatchObject({
      code: 'FILE_UNUSABLE',
      message: expect.stringContaining(path) as unknown,
    });
    expect(mirror.isBehind()).toBe(true);
  });
});

describe('a mirror that could not be put in its place', () => {
  it('is written by the next flush', async () => {
    put(store, issue('t-a'));
    await mirror.flush();
    await eventually(async () => (await mirror.look()) === 'settled' && !mirror.mayBeEdited());
    put(store, issue('t-b'));
    beforeOnce('commit', () => {
      const names = readdirSync(sandbox.directory).filter((name) => name.endsWith('.tmp'));
      for (const name of names) rmSync(join(sandbox.directory, name));
    });
    await expect(mirror.flush()).rejects.toMatchObject({ code: 'FILE_UNUSABLE' });
    expect(await mirror.flush()).toMatchObject({ imported: 0, written: true });
    expect(classicShown()).toBe(`${line('t-a')}\n${line('t-b')}\n`);
  });
});

describe('an edit that the status of the file has to show', () => {
  /** As if the look came that long after the file was written. */
  const lookAfter = (ms: number): void => {
    const writtenMs = Math.floor(statSync(path).ctimeMs);
    vi.spyOn(Date, 'now').mockReturnValue(writtenMs + ms);
  };
  afterEach(() => void vi.restoreAllMocks());

  it('is looked for in the content as long as two writes can get the same time', async () => {
    put(store, issue('t-a'));
    await mirror.flush();
    writeFileSync(path, shown());
    lookAfter(STAMP_MS / 2);
    expect(await mirror.look()).toBe('settled');
    expect(mirror.mayBeEdited()).toBe(true);
    lookAfter(STAMP_MS * 2);
    expect(await mirror.look()).toBe('settled');
    expect(mirror.mayBeEdited()).toBe(false);
  });

  it('is seen when it follows our own write at once, in the same file with the same size', async () => {
    for (let round = 100; round < 200; round++) {
      put(store, issue('t-a', { title: `Ours ${round}` }));
      await mirror.flush();
      writeFileSync(path, shown().replace('Ours', 'Hers'), { flag: 'r+' });
      expect(mirror.mayBeEdited()).toBe(true);
      expect(await mirror.look()).toBe('edited');
      expect(await mirror.flush()).toMatchObject({ imported: 1 });
      expect(store.issues.get('t-a')?.title).toBe(`Hers ${round}`);
    }
  });

  it('is not looked for in the content of a file that bd wrote', async () => {
    put(store, issue('t-a'));
    await mirror.flush();
    expect(mirror.mayBeEdited()).toBe(false);
    // Not by the next process either.
    const next = openMirror();
    expect(next.mayBeEdited()).toBe(false);
    expect(await next.flush()).toMatchObject({ imported: 0, written: false });
    put(store, issue('t-b'));
    // Nor while it is put there.
    const commit = vi.spyOn(StagedFile.prototype, 'commit');
    commit.mockImplementationOnce(async function (this: StagedFile) {
      const stamp = await this.commit();
      expect(await next.look()).toBe('settled');
      return stamp;
    });
    expect(await next.flush()).toMatchObject({ imported: 0, written: true });
    expect(commit).toHaveBeenCalledTimes(2);
    expect(classicShown()).toBe(`${line('t-a')}\n${line('t-b')}\n`);
  });

  it('is seen although the size and the time of the file are put back', async () => {
    put(store, issue('t-a', { title: 'One' }));
    await mirror.flush();
    lookAfter(STAMP_MS * 2);
    await mirror.look();
    const { atime, mtime, ctimeMs } = statSync(path);
    const edited = shown().replace('One', 'Two');
    vi.restoreAllMocks();
    await eventually(() => {
      writeFileSync(path, edited);
      utimesSync(path, atime, mtime);
      return statSync(path).ctimeMs !== ctimeMs;
    });
    expect(mirror.mayBeEdited()).toBe(true);
    expect(await mirror.look()).toBe('edited');
  });

  it('is none when the file is gone: only a tombstone deletes', async () => {
    put(store, issue('t-a'));
    await mirror.flush();
    rmSync(path);
    expect(mirror.mayBeEdited()).toBe(false);
    expect(await mirror.look()).toBe('settled');
  });
});
