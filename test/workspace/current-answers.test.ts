import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SyncMode } from '../../src/core/sharing.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import type { Call } from '../../src/protocol/methods.ts';
import { openPlace } from '../../src/place/workspace-place.ts';
import { initialise } from '../../src/workspace/init/initialise.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace/workspace.ts';
import { useSandbox } from '../support/sandbox.ts';

/** How often each race is run. */
const ROUNDS = Number(process.env['CURRENT_ANSWERS_ROUNDS'] ?? 5);

const sandbox = useSandbox();
const { at } = sandbox;
let env: Record<string, string>;
let workspace: Workspace;
let call: Call;
let mirror: string;

const git = (...args: string[]): string => sandbox.git(at('main'), ...args);

async function open(mode: SyncMode): Promise<void> {
  const options = { directory: at('main'), env, clock: systemClock, log: silentLog };
  await initialise({ ...options, prefix: 't', mode, isLocal: true });
  workspace = await openWorkspace({ ...options, place: openPlace(at('main/.beads')) });
  call = createCall(workspace);
  mirror = at('main/.beads/beads.jsonl');
}

const create = async (title: string): Promise<string> =>
  (await call('create_issue', { issue: { title } })).issue_id;
const titleOf = async (id: string): Promise<string> =>
  (await call('get_issue', { issue_id: id })).issue.title;
const edit = (path: string, from: string, to: string): void =>
  writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));

beforeEach(() => {
  env = { ...sandbox.env, USER: 'mia' };
  mkdirSync(at('main'));
  git('init', '-q', '-b', 'main');
  git('commit', '-qm', 'Begin', '--allow-empty');
});
afterEach(async () => {
  await workspace[Symbol.asyncDispose]().catch(() => {});
});

const MODES = ['branch', 'worktree', 'checked-out'] as const;

describe.each(MODES)('in mode %s', (mode) => {
  beforeEach(() => open(mode));

  test('an edit in place is in the next answer, also right after a write of bd’s and of the same size', async () => {
    const id = await create('Title 0');
    for (let round = 0; round < ROUNDS; round++) {
      await call('update_issue', { issue_id: id, changes: { title: `Made ${round % 10}` } });
      await workspace.sync.flushMirror();
      edit(mirror, `Made ${round % 10}`, `Edit ${round % 10}`);
      expect(await titleOf(id)).toBe(`Edit ${round % 10}`);
      // At once again, on what the file shows now.
      edit(mirror, `Edit ${round % 10}`, `More ${round % 10}`);
      expect(await titleOf(id)).toBe(`More ${round % 10}`);
    }
    expect(await call('list_conflicts', {})).toMatchObject({ conflicts: [] });
  });

  test('a file that was put in the mirror’s place is in the next answer', async () => {
    const id = await create('Before');
    await workspace.sync.flushMirror();
    for (let round = 0; round < ROUNDS; round++) {
      writeFileSync(`${mirror}.new`, '');
      appendFileSync(`${mirror}.new`, readFileSync(mirror, 'utf8'));
      appendFileSync(`${mirror}.new`, `{"id":"t-new${round}","title":"New ${round}"}\n`);
      renameSync(`${mirror}.new`, mirror);
      expect(await titleOf(`t-new${round}`)).toBe(`New ${round}`);
    }
    expect(await titleOf(id)).toBe('Before');
  });

  test('a write is decided on what an edit just before it left', async () => {
    const id = await create('Claimed elsewhere');
    await workspace.sync.flushMirror();
    edit(mirror, '"status":"open"', '"status":"in_progress","assignee":"zoe"');
    await expect(call('claim_issue', { issue_id: id, actor: 'ann' })).rejects.toMatchObject({
      code: 'ALREADY_CLAIMED',
    });
  });

  test('reads write nothing when nothing was edited', async () => {
    const id = await create('Still');
    await workspace.sync.flushMirror();
    await titleOf(id);
    const traces = (): unknown[] => [
      statSync(mirror).mtimeMs,
      statSync(mirror).ino,
      workspace.store.events.lastSeq(),
      statSync(at('main/.beads/beads.db-wal')).size,
    ];
    const before = traces();
    for (let round = 0; round < 3; round++) await titleOf(id);
    expect(traces()).toEqual(before);
  });

  test('a mirror that cannot be read stops no answer, which says so; the status has the reason', async () => {
    const id = await create('Safe');
    await workspace.sync.flushMirror();
    rmSync(mirror);
    mkdirSync(mirror);
    expect(await call('get_issue', { issue_id: id })).toMatchObject({
      issue: { title: 'Safe' },
      stale: true,
    });
    expect(await call('sync_status', {})).toMatchObject({ error: expect.stringContaining(mirror) });
    expect(await call('close_issue', { issue_id: id })).toMatchObject({
      stale: true,
      mirror_error: expect.stringMatching(/beads\.jsonl up to date.*\. Check/),
    });
    rmSync(mirror, { recursive: true });
    expect(await call('get_issue', { issue_id: id })).not.toHaveProperty('stale');
    await workspace.sync.flushMirror();
  });

  test('an edit of the copy in another worktree is in the next answer', async () => {
    await create('First');
    await workspace.sync.flushMirror();
    if (mode !== 'branch') {
      git('add', '-A');
      git('commit', '-qm', 'Issues');
    }
    git('worktree', 'add', '-q', at('tree'));
    if (mode === 'branch') mkdirSync(at('tree/.beads'));
    const copy = at('tree/.beads/beads.jsonl');
    // The worktree itself is news: nothing has looked at it yet.
    appendFileSync(copy, '{"id":"t-c","title":"In the copy"}\n');
    expect(await titleOf('t-c')).toBe('In the copy');
    for (let round = 0; round < ROUNDS; round++) {
      appendFileSync(copy, `{"id":"t-c${round}","title":"Copy ${round}"}\n`);
      expect(await titleOf(`t-c${round}`)).toBe(`Copy ${round}`);
    }
  });
});

describe.each(['worktree', 'checked-out'] as const)('in mode %s', (mode) => {
  beforeEach(() => open(mode));

  test('a change is in the mirror when its call returns', async () => {
    const id = await create('One');
    expect(readFileSync(mirror, 'utf8')).toContain('"One"');
    await call('close_issue', { issue_id: id });
    expect(readFileSync(mirror, 'utf8')).toContain('"status":"closed"');
    await call('import', { lines: ['{"id":"t-i","title":"Imported"}'] });
    expect(readFileSync(mirror, 'utf8')).toContain('Imported');
    const many = Array.from({ length: 20 }, (_, n) => create(`Many ${n}`));
    for (const [n, made] of many.entries()) {
      await made;
      expect(readFileSync(mirror, 'utf8')).toContain(`"Many ${n}"`);
    }
  });

  test('a checkout is in the next answer, and the file stays as git left it', async () => {
    const id = await create('Old');
    git('add', '-A');
    git('commit', '-qm', 'Old');
    git('checkout', '-q', '-b', 'side');
    const other = await create('Only on side');
    git('add', '-A');
    git('commit', '-qm', 'Side');
    edit(mirror, '"Old"', '"New"');
    expect(await titleOf(id)).toBe('New');
    git('commit', '-qam', 'Renamed');
    git('checkout', '-q', 'main');
    expect(await titleOf(other)).toBe('Only on side');
    expect(await titleOf(id)).toBe('New');
    expect(git('status', '--porcelain')).toBe('');
    git('checkout', '-q', 'side');
    expect(await titleOf(id)).toBe('New');
  });

  test('after the loss of store and mirror the first answer has what git holds', async () => {
    await create('One');
    await create('Two');
    git('add', '-A');
    git('commit', '-qm', 'Issues');
    await workspace[Symbol.asyncDispose]();
    for (const name of readdirSync(at('main/.beads'))) {
      if (/^beads\.(db|jsonl)/.test(name)) rmSync(at('main/.beads', name));
    }
    const place = openPlace(at('main/.beads'));
    workspace = await openWorkspace({ place, env, clock: systemClock, log: silentLog });
    await workspace.sync.restore();
    const { issues } = await createCall(workspace)('list_issues', {});
    expect(issues.map(({ title }) => title).toSorted()).toEqual(['One', 'Two']);
    expect(git('status', '--porcelain')).toBe('');
  });

  test('while a merge is under way the mirror is read and not written', async () => {
    await create('Base');
    git('add', '-A');
    git('commit', '-qm', 'Base');
    writeFileSync(at('main/.git/MERGE_HEAD'), `${git('rev-parse', 'HEAD')}\n`);
    appendFileSync(mirror, '{"id":"t-m","title":"Merged in"}\n');
    const before = readFileSync(mirror, 'utf8');
    expect(await titleOf('t-m')).toBe('Merged in');
    const closed = await call('close_issue', { issue_id: 't-m' });
    expect(closed).not.toHaveProperty('mirror_error');
    expect(readFileSync(mirror, 'utf8')).toBe(before);
  });
});
