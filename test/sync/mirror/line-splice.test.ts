import {
  appendFileSync,
  existsSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StagedFile } from '../../../src/platform/files.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import { ContentHasher, hashContent } from '../../../src/sync/mirror/content-hash.ts';
import { MirrorFile, type Mirror } from '../../../src/sync/mirror/mirror-file.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../support/property-runs.ts';
import { useSandbox } from '../../support/sandbox.ts';
import { issue, line, lines, put } from '../fixture.ts';

const sandbox = useSandbox();
let clock: FakeClock;
let store: Store;
let path: string;
/** Pages that were read from the store to render the whole file. */
let pages: number;

beforeEach(() => {
  clock = createFakeClock();
  path = join(sandbox.directory, 'beads.jsonl');
  const opened = openStore(join(sandbox.directory, 'beads.db'), { clock });
  pages = 0;
  const fileAfter: Store['issues']['fileAfter'] = (id, limit) => {
    pages += 1;
    return opened.issues.fileAfter(id, limit);
  };
  store = { ...opened, issues: { ...opened.issues, fileAfter } };
});
afterEach(() => {
  vi.restoreAllMocks();
  store.close();
});

const openMirror = (): Mirror =>
  new MirrorFile({
    path,
    quarantineDirectory: join(sandbox.directory, 'quarantine'),
    store,
    clock,
    pause: () => Promise.resolve(),
  });
const shown = (): string => readFileSync(path, 'utf8');
const rendered = (): string =>
  lines(store)
    .map((row) => `${row}\n`)
    .join('');
const name = (at: number): string => `t-${(at * 7_919) % 100_003}`;
const fill = (count: number): void =>
  put(store, ...Array.from({ length: count }, (_, at) => issue(name(at))));

async function expectWhole(): Promise<void> {
  expect(shown()).toBe(rendered());
  expect(store.state.get('mirror:')?.hash).toBe(await hashContent(readFileSync(path)));
}

describe('a change of a large file', () => {
  it('is put into its place: first, last, between others, as a new line or a longer one', async () => {
    fill(500);
    const mirror = openMirror();
    await mirror.flush();
    pages = 0;
    const [first = '', last = ''] = [lines(store)[0], lines(store).at(-1)].map(
      (row) => /"id":"([^"]+)"/.exec(row ?? '')?.[1],
    );
    for (const id of ['a-0', first, name(77), `${name(77)}.1`, last, 'zz-9']) {
      put(store, issue(id, { title: `Longer than it was: ${id}` }));
      expect(await mirror.flush()).toMatchObject({ written: true, imported: 0 });
      await expectWhole();
    }
    expect(pages).toBe(0);
  });

  it('is put into its place where pieces of the file meet', async () => {
    const ids = Array.from({ length: 600 }, (_, at) => `t-${1_000 + at}`);
    const ends = ids.filter((id) => {
      const [piece] = new ContentHasher().update(Buffer.from(`${line(id)}\n`)).digest().pieces;
      return piece?.lastId === id;
    });
    const last = ends.at(-1) ?? '';
    put(store, ...ids.filter((id) => id <= last).map((id) => issue(id)));
    const mirror = openMirror();
    await mirror.flush();
    pages = 0;
    for (const id of [...ends, ...ends.map((end) => `${end}.1`), `${last}.2`]) {
      put(store, issue(id, { title: 'Changed' }));
      await mirror.flush();
      await expectWhole();
    }
    expect([ends.length > 3, pages]).toEqual([true, 0]);
  });

  it('is put there by the next process too', async () => {
    fill(300);
    await openMirror().flush();
    pages = 0;
    put(store, issue(name(5), { title: 'Changed' }), issue('t-new'));
    expect(await openMirror().flush()).toMatchObject({ written: true });
    expect(pages).toBe(0);
    await expectWhole();
  });

  it('is rendered where the status of the file does not show that it is as bd left it', async () => {
    fill(300);
    await openMirror().flush();
    pages = 0;
    put(store, issue(name(5), { title: 'Changed' }));
    utimesSync(path, new Date(), new Date());
    await openMirror().flush();
    expect(pages).toBeGreaterThan(0);
    await expectWhole();
  });

  it('is rendered where the events since are gone', async () => {
    fill(300);
    await openMirror().flush();
    pages = 0;
    put(store, issue(name(5), { title: 'Changed' }));
    vi.spyOn(store.events, 'issueIdsAfter').mockReturnValue(undefined);
    await openMirror().flush();
    expect(pages).toBeGreaterThan(0);
    await expectWhole();
  });
});

/** What happens between two flushes; the numbers choose issues. */
const happening = fc.oneof(
  fc.record({ kind: fc.constant('change' as const), at: fc.array(fc.nat({ max: 399 })) }),
  fc.record({
    kind: fc.constant('delete' as const),
    at: fc.array(fc.nat({ max: 299 }), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constantFrom('edit', 'add', 'cut', 'remove', 'touch', 'put back', 'restart'),
    at: fc.tuple(fc.nat({ max: 299 })),
  }),
  fc.record({
    kind: fc.constantFrom('die before', 'die after'),
    at: fc.tuple(fc.nat({ max: 399 })),
  }),
);

it(
  'the file shows what the store holds after any changes, edits and crashes',
  async () => {
    fill(300);
    let mirror = openMirror();
    await mirror.flush();
    let [older, count] = [shown(), 0];
    const edits: Record<string, (at: number) => void> = {
      edit: (at) =>
        writeFileSync(path, shown().replace(`Title of ${name(at)}`, `By hand ${(count += 1)}`)),
      add: () => appendFileSync(path, `${line(`h-${(count += 1)}`)}\n`),
      cut: (at) => writeFileSync(path, shown().slice(0, at * 100)),
      remove: () => rmSync(path),
      touch: () => utimesSync(path, new Date(), new Date()),
      'put back': () => writeFileSync(path, older),
      restart: () => (mirror = openMirror()),
    };
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 8 }), async (history) => {
        for (const { kind, at } of history) {
          const ids = at.map(name);
          older = existsSync(path) ? shown() : older;
          if (kind === 'delete') put(store, ...ids.map((id) => issue(id, { status: 'tombstone' })));
          else if (kind in edits) edits[kind]?.(at[0] ?? 0);
          else put(store, ...ids.map((id) => issue(id, { title: `Changed ${(count += 1)}` })));
          if (kind.startsWith('die')) {
            dieAt(kind === 'die before' ? 'sync' : 'commit');
            await mirror.flush().catch(() => {});
            mirror = openMirror();
          }
          // A line that was cut stays in the quarantine, and a file that was just written may be looked at twice.
          await mirror.flush();
          await expectWhole();
        }
      }),
      propertyRuns(40),
    );
    expect(count).toBeGreaterThan(0);
  },
  PROPERTY_TIMEOUT_MS,
);

/** As if the process died before the file was synced, or after it was put in its place. */
function dieAt(step: 'sync' | 'commit'): void {
  const spy = vi.spyOn(StagedFile.prototype, step);
  spy.mockImplementationOnce(async function (this: StagedFile) {
    spy.mockRestore();
    if (step === 'commit') await this.commit();
    throw new Error('killed');
  });
}
