import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openPlace } from '../../src/place/workspace-place.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { StagedFile } from '../../src/platform/files.ts';
import { silentLog } from '../../src/platform/log.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace/workspace.ts';
import { createSharedRemote, initInProcess, openInProcess } from '../support/in-process-clone.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';
import { createSandbox } from '../support/sandbox.ts';

let temp: TempDirectory;
let beadsDir: string;
const opened: Workspace[] = [];

beforeEach(() => {
  temp = createTempDirectory();
  beadsDir = join(temp.path, '.beads');
  mkdirSync(beadsDir);
});
afterEach(() => {
  vi.restoreAllMocks();
  for (const workspace of opened.splice(0)) workspace.abandon();
  temp[Symbol.dispose]();
});

/** Does something before the next such step of writing a file. */
function beforeOnce(step: 'create' | 'sync', work: () => unknown): void {
  const owner = (step === 'create' ? StagedFile : StagedFile.prototype) as unknown;
  const steps = owner as Record<typeof step, (...args: unknown[]) => Promise<unknown>>;
  const original = steps[step];
  vi.spyOn(steps, step).mockImplementationOnce(async function (this: unknown, ...args) {
    await work();
    return await original.apply(this, args);
  });
}

/** As two processes that both believe that they hold the lock: nothing but the store can tell them apart. */
async function open(): Promise<Workspace> {
  const workspace = await openWorkspace({
    place: openPlace(beadsDir),
    env: {},
    clock: systemClock,
    log: silentLog,
  });
  opened.push(workspace);
  return workspace;
}

const create = (workspace: Workspace, title: string): Promise<unknown> =>
  createCall(workspace)('create_issue', { issue: { title } });

test('a process that was overtaken changes neither store nor mirror', async () => {
  const former = await open();
  await create(former, 'First');
  await former.sync.flushMirror();
  await create(former, 'Not shown yet');
  const next = await open();
  await create(next, 'Next');
  const refused = { code: 'LOCK_UNAVAILABLE' };
  await expect(create(former, 'Too late')).rejects.toMatchObject(refused);
  const before = readFileSync(former.mirrorPath, 'utf8');
  await expect(former.sync.flushMirror()).rejects.toMatchObject(refused);
  expect(readFileSync(former.mirrorPath, 'utf8')).toBe(before);
  expect(former.standing()).toBe('lost');
  await next.sync.flushMirror();
  const mirror = readFileSync(next.mirrorPath, 'utf8');
  for (const title of ['First', 'Not shown yet', 'Next']) expect(mirror).toContain(title);
  expect(mirror).not.toContain('Too late');
});

test.each(['create', 'sync'] as const)(
  'one that stood still while it wrote the mirror, before its %s, puts no file there',
  async (step) => {
    const former = await open();
    await create(former, 'First');
    await former.sync.flushMirror();
    await create(former, 'Not shown yet');
    const before = readFileSync(former.mirrorPath, 'utf8');
    beforeOnce(step, async () => create(await open(), 'Next'));
    await expect(former.sync.flushMirror()).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    expect(readFileSync(former.mirrorPath, 'utf8')).toBe(before);
  },
);

test('one whose workspace is made anew while it writes the mirror leaves the new one alone', async () => {
  writeFileSync(openPlace(beadsDir).lockFile, '');
  const former = await open();
  await create(former, 'Gone');
  beforeOnce('create', () => {
    rmSync(beadsDir, { recursive: true });
    mkdirSync(beadsDir);
  });
  await expect(former.sync.flushMirror()).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  expect(readdirSync(beadsDir)).toEqual([]);
});

test.each(['objects written', 'committed'] as const)(
  'one that stood still in a cycle, %s, goes no further',
  async (step) => {
    const sandbox = createSandbox();
    const directory = join(sandbox.directory, 'mia');
    const remote = createSharedRemote(sandbox);
    sandbox.git(sandbox.directory, 'clone', '--quiet', remote, directory);
    let isStopped = false;
    const former = await initInProcess(sandbox, directory, {
      async reached(at) {
        if (at !== step || !isStopped) return;
        isStopped = false;
        const next = await openInProcess(sandbox, directory);
        await next.call('create_issue', { issue: { title: 'Next' } });
        next.workspace.abandon();
      },
    });
    await former.sync();
    const shared = (): string => sandbox.git(remote, 'for-each-ref', 'refs/heads');
    const here = (): string => former.git('for-each-ref', 'refs/bd');
    const refs = (): string => (step === 'committed' ? shared() : here() + shared());
    await former.call('create_issue', { issue: { title: 'Former' } });
    const before = refs();
    isStopped = true;
    const { state, error } = await former.sync();
    expect(isStopped, 'the step was reached').toBe(false);
    expect(state).toBe('failed');
    expect(error).toContain('while it was open');
    expect(refs()).toBe(before);
    former.workspace.abandon();
    sandbox[Symbol.dispose]();
  },
);

test('to open and to read a store writes nothing into it', async () => {
  const writer = await open();
  await create(writer, 'First');
  await writer[Symbol.asyncDispose]();
  opened.splice(0);
  const content = (): Buffer => readFileSync(join(beadsDir, 'beads.db'));
  const before = content();
  const reader = await open();
  await reader.sync.flushMirror();
  await createCall(reader)('list_issues', {});
  await reader[Symbol.asyncDispose]();
  opened.splice(0);
  expect(content().equals(before)).toBe(true);
});
