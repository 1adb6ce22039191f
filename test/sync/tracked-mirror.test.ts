import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MirrorFile, type Mirror, type Tracking } from '../../src/sync/mirror/mirror-file.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { eventually } from '../support/eventually.ts';
import { conflicts, issue, line, lines, put } from './fixture.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let clock: FakeClock;
let store: Store;
let mirror: Mirror;
let path: string;
let tracking: Tracking | undefined;

const open = (): Mirror =>
  new MirrorFile({
    path,
    quarantineDirectory: join(sandbox.directory, 'quarantine'),
    store,
    clock,
    pause: () => Promise.resolve(),
    tracking: () => tracking,
  });
const shown = (): string => readFileSync(path, 'utf8');
const titles = (): string[] =>
  shown()
    .trimEnd()
    .split('\n')
    .map((row) => (JSON.parse(row) as { title: string }).title);
/** A version of the file as it is in a commit. */
async function commit(...issues: ReturnType<typeof issue>[]): Promise<string> {
  put(store, ...issues);
  await mirror.flush();
  return shown();
}

beforeEach(() => {
  clock = createFakeClock();
  store = openStore(join(sandbox.directory, 'beads.db'), { clock });
  path = join(sandbox.directory, 'beads.jsonl');
  tracking = { operation: undefined, isLocked: false };
  mirror = open();
});
afterEach(() => {
  store.close();
});

describe('a version that git puts in the file’s place', () => {
  it('stays as git left it, in both directions, until an issue is changed', async () => {
    const older = await commit(issue('t-a', { title: 'One' }));
    const newer = await commit(issue('t-a', { title: 'Two' }), issue('t-b', { title: 'B' }));
    for (const version of [older, newer, older]) {
      writeFileSync(path, version);
      expect(await mirror.flush()).toMatchObject({ imported: 0, written: false });
      expect(mirror.isBehind()).toBe(false);
      expect(await mirror.flush()).toMatchObject({ written: false });
      expect(shown()).toBe(version);
    }
    expect(store.issues.get('t-a')?.title).toBe('Two');
    put(store, issue('t-c', { title: 'C' }));
    expect(mirror.isBehind()).toBe(true);
    expect(await mirror.flush()).toMatchObject({ written: true });
    expect(titles()).toEqual(['Two', 'B', 'C']);
  });

  it('is written as a whole, also when its status shows that nobody touched it since', async () => {
    await commit(issue('t-a', { title: 'One' }), issue('t-b', { title: 'B' }));
    writeFileSync(path, `${line('t-b', { title: 'B' })}\n${line('t-a', { title: 'One' })}\n`);
    await mirror.flush();
    await eventually(async () => (await mirror.look()) === 'settled' && !mirror.mayBeEdited());
    put(store, issue('t-c', { title: 'C' }));
    await mirror.flush();
    expect(shown()).toBe(
      lines(store)
        .map((row) => `${row}\n`)
        .join(''),
    );
  });

  it('is remembered by the next process', async () => {
    const older = await commit(issue('t-a'));
    await commit(issue('t-b'));
    writeFileSync(path, older);
    await mirror.flush();
    expect(await open().flush()).toMatchObject({ imported: 0, written: false });
    expect(shown()).toBe(older);
  });

  it('may be none, on a branch without the file', async () => {
    await commit(issue('t-a'));
    rmSync(path);
    await mirror.flush();
    expect(existsSync(path)).toBe(false);
    put(store, issue('t-b'));
    await mirror.flush();
    expect(titles()).toHaveLength(2);
  });

  it('is taken in when it has something new, and stays', async () => {
    await commit(issue('t-a'));
    const teammates = `${line('t-b', { title: 'Theirs' })}\n`;
    writeFileSync(path, teammates);
    expect(await mirror.flush()).toMatchObject({ imported: 1, written: false });
    expect(store.issues.get('t-b')?.title).toBe('Theirs');
    expect(shown()).toBe(teammates);
  });

  it('is written at once when a change waited to be written', async () => {
    const older = await commit(issue('t-a', { title: 'One' }));
    await commit(issue('t-a', { title: 'Two' }));
    put(store, issue('t-b', { title: 'B' }));
    writeFileSync(path, older);
    expect(await mirror.flush()).toMatchObject({ written: true });
    expect(titles()).toEqual(['Two', 'B']);
  });

  it('is brought up to date when a command asks for that', async () => {
    const older = await commit(issue('t-a'));
    await commit(issue('t-b'));
    writeFileSync(path, older);
    await mirror.flush();
    expect(await mirror.flush({ isAsked: true })).toMatchObject({ written: true });
    expect(titles()).toHaveLength(2);
    expect(await mirror.flush({ isAsked: true })).toMatchObject({ written: false });
  });

  it('is replaced at once where the file is bd’s alone', async () => {
    tracking = undefined;
    const older = await commit(issue('t-a'));
    await commit(issue('t-b'));
    writeFileSync(path, older);
    expect(await mirror.flush()).toMatchObject({ written: true });
  });

  it('is no base for an edit made in it: later changes stay', async () => {
    const older = await commit(issue('t-a', { title: 'One', priority: 2 }));
    await commit(issue('t-a', { title: 'Two', priority: 2 }));
    await commit(issue('t-a', { title: 'Three', priority: 2 }));
    writeFileSync(path, older);
    await mirror.flush();
    // A tool that knows no `_bd`, and neither when it wrote.
    const later = '2026-02-01T00:00:00.000Z';
    writeFileSync(path, `${line('t-a', { title: 'One', priority: 0, updated_at: later })}\n`);
    await mirror.flush();
    expect(store.issues.get('t-a')?.priority).toBe(0);
    const both = [store.issues.get('t-a')?.title, ...conflicts(store, 't-a')].join();
    expect(both).toContain('Three');
  });
});

describe('an edit of it', () => {
  beforeEach(async () => {
    await commit(issue('t-a', { title: 'One' }));
  });

  it.each([
    ['a line of ours', () => shown().replace('One', 'By hand'), 'By hand'],
    ['a line of ours, to say the same', () => shown().replace('{"id"', '{ "id"'), 'One'],
    [
      'a line without _bd',
      () => `${line('t-a', { title: 'Tool', updated_at: '2026-03-01T00:00:00.000Z' })}\n`,
      'Tool',
    ],
    ['conflict markers', () => `<<<<<<< a\n${shown()}=======\n>>>>>>> b\n`, 'One'],
  ])('is sealed again before it is committed: %s', async (_name, edit, title) => {
    writeFileSync(path, edit());
    expect(await mirror.flush()).toMatchObject({ written: true });
    expect(titles()).toEqual([title]);
    expect(shown()).toContain('_bd');
  });
});

describe('while git is in the middle of something', () => {
  beforeEach(async () => {
    await commit(issue('t-a', { title: 'One' }));
    tracking = { operation: 'rebase', isLocked: false };
  });

  it('a change is not written, and is once that is over', async () => {
    const before = shown();
    put(store, issue('t-a', { title: 'Two' }));
    expect(await mirror.flush()).toMatchObject({ written: false, postponed: 'rebase' });
    expect(shown()).toBe(before);
    expect(mirror.shownSeq()).toBeLessThan(store.events.lastSeq());
    tracking = { operation: undefined, isLocked: false };
    expect(await mirror.flush()).toMatchObject({ written: true, postponed: undefined });
    expect(titles()).toEqual(['Two']);
  });

  it('a file with conflict markers is replaced by both sides joined, once git is done with it', async () => {
    const edit = { title: 'One', notes: 'theirs', updated_at: '2026-03-01T00:00:00.000Z' };
    const before = `<<<<<<< HEAD\n${shown()}=======\n${line('t-a', edit)}\n>>>>>>> theirs\n`;
    writeFileSync(path, before);
    tracking = { operation: 'merge', isLocked: true };
    for (let looks = 0; looks < 2; looks++) {
      expect(await mirror.flush()).toMatchObject({ written: false, postponed: 'merge' });
      expect(shown()).toBe(before);
    }
    tracking = { operation: 'merge', isLocked: false };
    expect(await mirror.flush()).toMatchObject({ written: true, postponed: undefined });
    expect(shown()).toBe(`${store.issues.line('t-a')}\n`);
    expect(shown()).toContain('"notes":"theirs"');
    put(store, issue('t-a', { title: 'Two' }));
    expect(await mirror.flush()).toMatchObject({ written: false, postponed: 'merge' });
  });

  it('an edit is taken in once, and sealed when that is over', async () => {
    writeFileSync(path, `${shown().replace('One', 'By hand')}{"id":"t-x","ti\n`);
    const report = await mirror.flush();
    expect(report).toMatchObject({ written: false, postponed: 'rebase' });
    expect(report.problems).toHaveLength(1);
    const again = await mirror.flush();
    expect(again).toMatchObject({ imported: 0, postponed: 'rebase', problems: [] });
    tracking = { operation: undefined, isLocked: false };
    expect(await mirror.flush()).toMatchObject({ written: true });
    expect(shown()).toMatch(/"By hand".*"_bd".*\n\{"id":"t-x","ti\n$/);
  });
});

describe('a line in it that cannot be read', () => {
  const BROKEN = '{"id":"t-a","title":"Cut sho';
  const STRANGE = Buffer.from([0x66, 0xff, 0x00, 0x0d, 0x66]);
  const bytes = (...rows: (string | Buffer)[]): Buffer =>
    Buffer.concat(rows.flatMap((row) => [Buffer.from(row), Buffer.from('\n')]));
  const row = (id: string): string => store.issues.line(id) ?? '';

  beforeEach(async () => {
    await commit(issue('t-a', { title: 'One' }), issue('t-b', { title: 'B' }));
  });

  it('stays unchanged beside all issues, is reported once, and is in no other file', async () => {
    const content = bytes(BROKEN, row('t-a'), STRANGE, row('t-b'));
    writeFileSync(path, content);
    const report = await mirror.flush();
    expect(report.problems).toHaveLength(2);
    expect(readFileSync(report.quarantine ?? '')).toEqual(bytes(BROKEN, STRANGE));
    expect(readFileSync(path)).toEqual(content);
    put(store, issue('t-a', { title: 'Two' }));
    for (const each of [mirror, open()]) {
      expect(await each.flush()).toMatchObject({
        imported: 0,
        problems: [],
        quarantine: undefined,
      });
      expect(readFileSync(path)).toEqual(bytes(BROKEN, row('t-a'), row('t-b'), STRANGE));
    }
    writeFileSync(path, bytes(BROKEN, row('t-a'), STRANGE, '{', row('t-b')));
    expect((await mirror.flush()).problems).toMatchObject([{ line: 4 }]);
  });

  it('stays when it has the id of an issue that changes', async () => {
    const broken = ['A', 'X', 'Z'].map((cut) => `{"id":"t-a","title":"${cut.repeat(1_000)}`);
    writeFileSync(path, bytes(...broken, row('t-a'), row('t-b')));
    put(store, issue('t-b', { title: 'B' }));
    await mirror.flush();
    for (const title of ['Two', 'Three', 'Four']) {
      put(store, issue('t-a', { title }));
      await mirror.flush();
      expect(shown().split('\n')).toEqual(expect.arrayContaining(broken));
      expect(shown().match(/"id":"t-a"/g)).toHaveLength(4);
      expect(shown()).toContain(`"title":"${title}"`);
    }
  });

  it('is an edit when it is repaired, and gone when it is removed', async () => {
    writeFileSync(path, bytes(BROKEN, row('t-a'), '{', row('t-b')));
    await mirror.flush();
    writeFileSync(path, bytes(row('t-a').replace('One', 'Mended'), row('t-b')));
    expect(await mirror.flush()).toMatchObject({ imported: 1, problems: [] });
    expect(titles()).toEqual(['Mended', 'B']);
    put(store, issue('t-b', { title: 'Later' }));
    await mirror.flush();
    expect(titles()).toEqual(['Mended', 'Later']);
  });

  it('leaves a file that is bd’s alone, and does not come back later', async () => {
    writeFileSync(path, bytes(row('t-a'), row('t-b'), '{'));
    await mirror.flush();
    const committed = tracking;
    tracking = undefined;
    put(store, issue('t-b', { title: 'Later' }));
    await mirror.flush();
    expect(titles()).toEqual(['One', 'Later']);
    tracking = committed;
    put(store, issue('t-b', { title: 'Latest' }));
    await mirror.flush();
    expect(titles()).toEqual(['One', 'Latest']);
  });
});
