import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPlace } from '../../src/place/workspace-place.ts';
import { encodeState } from '../../src/core/causal/causal-line.ts';
import { VECTOR_REPLICAS_MAX } from '../../src/core/limits.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import type { Call, Params } from '../../src/protocol/methods.ts';
import type { ImportReport } from '../../src/protocol/methods/workspace.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace/workspace.ts';
import { createTempDirectory } from '../support/temp-directory.ts';
import { created, put, record, write } from '../core/causal/state.ts';
import { openTwoWorkspaces } from './two-workspaces.ts';

let temp: ReturnType<typeof createTempDirectory>;
let workspace: Workspace;
let call: Call;

beforeEach(async () => {
  temp = createTempDirectory();
  const beadsDir = join(temp.path, '.beads');
  mkdirSync(beadsDir);
  writeFileSync(join(beadsDir, 'metadata.json'), '{"project_id":"p"}');
  const env = { HOME: temp.path, PATH: process.env['PATH'], USER: 'mia' };
  workspace = await openWorkspace({
    place: openPlace(beadsDir),
    env,
    clock: systemClock,
    log: silentLog,
  });
  call = createCall(workspace);
});

afterEach(async () => {
  await workspace[Symbol.asyncDispose]();
  temp[Symbol.dispose]();
});

const line = (id: string, fields: Record<string, unknown> = {}): string =>
  JSON.stringify({
    id,
    title: `title of ${id}`,
    created_at: '2026-01-01T00:00:00.123456789+11:00',
    updated_at: '2026-01-01T00:00:00Z',
    ...fields,
  });

const nothingTold = { moved: [], lost_claims: [], doubled: [], notices: [] };
const counts = {
  created: 0,
  updated: 0,
  unchanged: 0,
  skipped: 0,
  problems: [],
  ...nothingTold,
  dry_run: false,
};

/** What an import reports, after its dry run said the same and changed nothing. */
async function importAsRehearsed(params: Params<'import'>): Promise<unknown> {
  const seq = workspace.store.events.lastSeq();
  const before = await call('read_lines', {});
  const replica = workspace.store.replica.id();
  const { dry_run: isDry, ...dryRun } = await call('import', { ...params, dry_run: true });
  expect(isDry).toBe(true);
  expect(await call('read_lines', {})).toEqual(before);
  expect(workspace.store.events.lastSeq()).toBe(seq);
  expect(workspace.store.replica.id()).toBe(replica);
  const { dry_run: _, ...done } = await call('import', params);
  expect(dryRun).toEqual(done);
  return done;
}

test('what is imported is exported as it was, unknown keys and deleted issues included', async () => {
  const lines = [
    line('a-1', { zz: { deep: [1.5] }, labels: ['x'] }),
    line('a-2', { status: 'tombstone', deleted_at: '2026-01-02T00:00:00Z' }),
    line('b-1', { status: 'hooked', issue_type: 'molecule', timeout: 1_800_000_000_000 }),
  ];
  expect(await call('import', { lines })).toEqual({ ...counts, created: 3 });
  const path = join(temp.path, 'out.jsonl');
  await call('export', { path });
  const exported = readFileSync(path, 'utf8').trimEnd().split('\n');
  const defaults = { status: 'open', priority: 0, issue_type: 'task' };
  expect(exported.map((text) => JSON.parse(text) as unknown)).toEqual(
    lines.map((text) => ({
      ...defaults,
      ...(JSON.parse(text) as object),
      _bd: expect.any(Object) as object,
    })),
  );
});

test('the same import again changes nothing', async () => {
  const lines = [line('a-1'), line('a-2')];
  await call('import', { lines });
  const seq = workspace.store.events.lastSeq();
  expect(await call('import', { lines })).toEqual({ ...counts, unchanged: 2 });
  expect(workspace.store.events.lastSeq()).toBe(seq);
});

test('bad lines are listed with what is wrong, and all others are in', async () => {
  const path = join(temp.path, 'in.jsonl');
  writeFileSync(
    path,
    `${line('a-1')}\n{"id":\n\n${line('a-2', { priority: 9 })}\r\n${line('a-3')}`,
  );
  const report = await call('import', { path });
  expect(report).toMatchObject({ created: 2 });
  expect(report.problems).toEqual([
    { line: 2, problem: expect.stringContaining('not JSON') as string },
    { line: 4, problem: 'a-2 has "priority" 9, which is not 0 to 4' },
  ]);
});

test('of versions that are unknown here the newest is shown, the others are kept; a deleted issue stays deleted', async () => {
  await call('import', { lines: [line('a-1', { updated_at: '2026-02-01T00:00:00Z' })] });
  const bring = (fields: Record<string, unknown>) =>
    call('import', {
      lines: [line('a-1', { title: `of ${String(fields['updated_at'])}`, ...fields })],
    });
  const title = (): string | undefined => workspace.store.issues.get('a-1')?.title;
  expect(await bring({ updated_at: '2026-01-15T00:00:00Z' })).toMatchObject({ updated: 1 });
  expect(title()).toBe('title of a-1');
  expect(await bring({ updated_at: '2026-01-15T00:00:00Z' })).toMatchObject({ unchanged: 1 });
  expect(await bring({ updated_at: '2026-02-15T00:00:00Z' })).toMatchObject({ updated: 1 });
  expect(title()).toBe('of 2026-02-15T00:00:00Z');
  await call('delete_issues', { issue_ids: ['a-1'] });
  await bring({ updated_at: '2999-01-01T00:00:00Z' });
  expect(workspace.store.issues.get('a-1')?.status).toBe('tombstone');
});

test('a line edited by hand under the same updated_at is an edit', async () => {
  await call('import', { lines: [line('a-1')] });
  expect(await call('import', { lines: [line('a-1', { title: 'By hand' })] })).toMatchObject({
    updated: 1,
  });
  expect(workspace.store.issues.get('a-1')?.title).toBe('By hand');
});

test('a dry run counts and writes nothing; what exists can be skipped', async () => {
  await call('import', { lines: [line('a-1')] });
  const lines = [line('a-1', { title: 'other' }), line('a-2')];
  expect(await call('import', { lines, dry_run: true })).toEqual({
    ...counts,
    created: 1,
    updated: 1,
    dry_run: true,
  });
  expect(workspace.store.issues.count()).toBe(1);
  expect(await call('import', { lines, skip_existing: true })).toEqual({
    ...counts,
    created: 1,
    skipped: 1,
  });
  expect(workspace.store.issues.get('a-1')?.title).toBe('title of a-1');
});

describe('a dry run says what the import then does', () => {
  const other = (fields: Record<string, unknown> = {}) =>
    line('a-1', { title: 'Another issue', created_at: '2026-01-05T00:00:00Z', ...fields });

  test('where an issue with the same id is another one', async () => {
    await call('import', { lines: [line('a-1')] });
    const report = await importAsRehearsed({ lines: [other()] });
    expect(report).toMatchObject({ created: 1, updated: 0, unchanged: 0 });
    const { moved, notices } = report as ImportReport;
    expect(moved).toEqual([{ from: 'a-1', to: expect.stringMatching(/^a-1-.{3}$/) as string }]);
    expect(notices).toEqual([`a-1 was created twice; the later one is ${moved[0]?.to} now`]);
    expect(workspace.store.issues.get(moved[0]?.to ?? '')?.title).toBe('Another issue');
    expect(await importAsRehearsed({ lines: [other()] })).toMatchObject({
      unchanged: 1,
      ...nothingTold,
    });
    expect(await importAsRehearsed({ lines: [other({ notes: 'more' })] })).toMatchObject({
      updated: 1,
    });
  });

  test('where ours is the later one and moves', async () => {
    await call('import', { lines: [other()] });
    const report = await importAsRehearsed({ lines: [line('a-1')] });
    expect(report).toMatchObject({ updated: 1, moved: [{ from: 'a-1' }] });
    expect(workspace.store.issues.get('a-1')?.title).toBe('title of a-1');
  });

  test('where lines of one file are of one issue, new or not', async () => {
    await call('import', { lines: [line('a-1')] });
    const later = { updated_at: '2026-02-01T00:00:00Z' };
    const lines = [
      line('a-2'),
      line('a-2'),
      line('a-2', { title: 'later', ...later }),
      line('a-1', { title: 'edited' }),
      line('a-1', { title: 'edited' }),
    ];
    expect(await importAsRehearsed({ lines })).toMatchObject({
      created: 1,
      updated: 2,
      unchanged: 2,
    });
  });

  test('where a line is older than one before it', async () => {
    await call('import', { lines: [line('a-1')] });
    const edited = line('a-1', { title: 'edited' });
    const report = await importAsRehearsed({ lines: [edited, line('a-1')] });
    expect(report).toMatchObject({ updated: 1, unchanged: 1 });
    expect(workspace.store.issues.get('a-1')?.title).toBe('edited');
  });

  test('where lines are refused or left out', async () => {
    await call('import', { lines: [line('a-1')] });
    const lines = [line('a-1', { title: 'x' }), '{', line('a-2')];
    expect(await importAsRehearsed({ lines, skip_existing: true })).toMatchObject({
      created: 1,
      skipped: 1,
      problems: [{ line: 2 }],
    });
    const writers = Array.from({ length: VECTOR_REPLICAS_MAX - 1 }, (_, at) => `writer${at}`);
    const full = created({ id: 'a-3' });
    const vector = new Map([...full.vector, ...writers.map((name) => [name, 1] as const)]);
    await call('import', { lines: [encodeState({ ...full, vector })] });
    const oneMore = JSON.stringify(record({ id: 'a-3', title: 'other' }));
    expect(await importAsRehearsed({ lines: [oneMore] })).toMatchObject({
      problems: [{ problem: expect.stringContaining('too large') as string }],
    });
  });
});

describe('an import tells of', () => {
  test('claims that came too late', async () => {
    await using world = await openTwoWorkspaces();
    const { mia, lee } = world;
    const { issue_id: id } = await mia.call('create_issue', { issue: { title: 'Job' } });
    await world.exchange();
    await mia.call('claim_issue', { issue_id: id, actor: 'mia' });
    await lee.call('claim_issue', { issue_id: id, actor: 'lee' });
    const { lines } = await mia.call('read_lines', {});
    for (const isDry of [true, false]) {
      expect(await lee.call('import', { lines, dry_run: isDry })).toMatchObject({
        updated: 1,
        lost_claims: [{ issue_id: id, winner: 'mia', loser: 'lee' }],
        notices: [`mia had claimed ${id} before lee`],
      });
    }
  });

  test('two copies of one clone', async () => {
    const base = created();
    const copies = ['one', 'two'].map((title) => write(base, 'bbbbbb', 1, put('title', title)));
    const [first = '', second = ''] = copies.map(encodeState);
    await call('import', { lines: [first] });
    const report = await importAsRehearsed({ lines: [second] });
    expect(report).toMatchObject({
      doubled: ['a-1'],
      notices: ['a-1 was written by two copies of one clone; both versions are kept'],
    });
  });
});

test('files that cannot be used are refused by name', async () => {
  const path = join(temp.path, 'none', 'x.jsonl');
  await expect(call('import', { path })).rejects.toMatchObject({ code: 'FILE_UNUSABLE' });
  await expect(call('export', { path })).rejects.toMatchObject({ code: 'FILE_UNUSABLE' });
  await expect(call('import', { path: 'x.jsonl' })).rejects.toThrow('"x.jsonl" is not an absolute');
  await expect(call('import', {})).rejects.toMatchObject({ code: 'INVALID_VALUE' });
});

test('an export goes where a link leads, and never takes the place of a pipe or a directory', async () => {
  await call('import', { lines: [line('a-1')] });
  const [file, link] = [join(temp.path, 'file'), join(temp.path, 'link')];
  writeFileSync(file, 'old');
  symlinkSync(file, link);
  await call('export', { path: link });
  expect(readFileSync(file, 'utf8')).toContain('a-1');
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  const pipe = join(temp.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await expect(call('export', { path: pipe })).rejects.toMatchObject({ code: 'FILE_UNUSABLE' });
  expect(lstatSync(pipe).isFIFO()).toBe(true);
});

test('lines that could not be read are reported until they are corrected', async () => {
  writeFileSync(workspace.mirrorPath, `${line('a-1')}\nnot an issue\n`);
  await workspace.sync.flushMirror();
  expect(workspace.store.issues.count()).toBe(1);
  const { error, remedy } = await call('sync_status', {});
  expect(error).toContain(workspace.place.quarantineDirectory);
  expect(remedy).toContain('bd import');
  rmSync(workspace.place.quarantineDirectory, { recursive: true });
  expect((await call('sync_status', {})).error).toBeNull();
});

test('lines can be read page by page, each once', async () => {
  await call('import', { lines: ['a', 'b', 'c', 'd'].map((id) => line(id)) });
  const seen: string[] = [];
  let after: string | null = '';
  while (after !== null) {
    const page: { lines: string[]; next: string | null } = await call('read_lines', {
      after,
      limit: 2,
    });
    seen.push(...page.lines);
    after = page.next;
  }
  expect(seen.map((text) => (JSON.parse(text) as { id: string }).id)).toEqual(['a', 'b', 'c', 'd']);
});

test('an import tells how many lines it has read', async () => {
  const told: number[] = [];
  const lines = Array.from({ length: 20_001 }, () => '{"id":"a-1"}');
  const report = await call('import', { lines }, { progress: (read) => told.push(read) });
  expect(told).toEqual([10_000, 20_000]);
  expect(report.problems).toHaveLength(20_001);
});

test('an import of many issues lets other requests through', async () => {
  const lines = Array.from({ length: 3_000 }, (_, index) => line(`a-${index}`));
  const state = { isDone: false };
  const running = call('import', { lines }).then(() => (state.isDone = true));
  let answered = 0;
  while (!state.isDone) {
    await call('ping', {});
    answered += 1;
    await new Promise((turn) => setImmediate(turn));
  }
  await running;
  expect(answered).toBeGreaterThan(10);
});
