import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WAL_REST_BYTES_MAX } from '../../src/core/limits.ts';
import type { CycleStep } from '../../src/sync/cycle.ts';
import { eventually } from '../support/eventually.ts';
import { buildFaultyBd, runFaulty } from '../support/faulty-process.ts';
import {
  createSharedRemote,
  initInProcess,
  type InProcessClone,
} from '../support/in-process-clone.ts';
import { REAL_GIT } from '../support/real-git.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';
import { BD, type Run } from '../support/test-workspace.ts';
import { createSandbox, type Sandbox } from '../support/sandbox.ts';

const ALONE = { BEADS_NO_DAEMON: '1' };

/** What is told: what happened with the disk, in the words of whoever met it, and one thing to do. */
const TOLD = /^Error: .*(?:no space left on device|disk is full).*\n.* space.*\n$/i;

const STEPS: readonly CycleStep[] = [
  'mirror written',
  'fetched',
  'taken in',
  'objects written',
  'committed',
  'pushed',
  'noted',
];

const sandbox: Sandbox = createSandbox();
const remote = createSharedRemote(sandbox);
const place = join(sandbox.directory, 'small');
mkdirSync(place);
const ENV = { ...sandbox.env, USER: 'mia' };
const mounted = await mountSmallDisk(place, { megabytes: 8 });
if ('refusal' in mounted) console.warn(`no small disk can be had here: ${mounted.refusal}`);

let lee: InProcessClone;

beforeAll(async () => {
  const directory = join(sandbox.directory, 'lee');
  sandbox.git(sandbox.directory, 'clone', '--quiet', remote, directory);
  lee = await initInProcess(sandbox, directory, { name: 'lee' });
  await lee.sync();
});

afterAll(async () => {
  await lee[Symbol.asyncDispose]();
  if ('disk' in mounted) mounted.disk[Symbol.dispose]();
  sandbox[Symbol.dispose]();
});

async function theirs(title: string): Promise<void> {
  await lee.call('create_issue', { issue: { title } });
  await lee.sync();
}

function titles(mirror: string): string[] {
  const lines = mirror.split('\n').filter(Boolean);
  return lines.map((line) => (JSON.parse(line) as { title: string }).title);
}

describe.skipIf('refusal' in mounted)('on a disk that fills up', () => {
  const clone = join(place, 'w');
  const ballast = join(place, 'ballast');
  let build: TempDirectory;
  let program: string;

  const startIn = (at: string): string[] => ('disk' in mounted ? mounted.disk.startIn(at) : []);

  const logBytes = async (): Promise<number> => {
    const { stdout } = await run(['stat', '-c', '%s', join(clone, '.beads/beads.db-wal')]);
    return Number(stdout);
  };

  function run(
    args: readonly string[],
    { at = clone, env = {} }: { at?: string; env?: Record<string, string> } = {},
  ): Promise<Run> {
    const [command = '', ...rest] = [...startIn(at), ...args];
    return new Promise((done) => {
      execFile(command, rest, { env: { ...ENV, ...env } }, (error, stdout, stderr) => {
        done({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }

  async function text(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await run(args);
    if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${exitCode}\n${stderr}`);
    return stdout;
  }

  const bd = (args: string[], env: Record<string, string>): Promise<Run> =>
    run([process.execPath, BD, ...args], { env });
  const mirror = (): Promise<string> => text('cat', '.beads/beads.jsonl');
  const untouched = (): Promise<string> =>
    text('sh', '-c', 'sha1sum .git/HEAD .git/index .git/config README src/main.c');
  const fill = (): Promise<Run> => run(['sh', '-c', 'cat /dev/zero >> "$0"', ballast]);

  const makeSpace = (): Promise<string> => text('rm', '-f', ballast);

  beforeAll(async () => {
    build = createTempDirectory();
    program = await buildFaultyBd(build.path);
    const cloned = await run([REAL_GIT, 'clone', '--quiet', remote, clone], { at: place });
    expect(cloned).toMatchObject({ exitCode: 0 });
    expect(await bd(['init'], ALONE)).toMatchObject({ exitCode: 0 });
  });

  afterEach(makeSpace);

  afterAll(async () => {
    await bd(['daemon', 'stop'], {});
    build[Symbol.dispose]();
  });

  const full: readonly { at: CycleStep; after?: number; isDone?: boolean }[] = [
    // Nothing more is to be written after the last.
    ...STEPS.map((at) => ({ at, isDone: at === 'noted' })),
    { at: 'mirror written', after: 1 },
  ];

  test.each(full)(
    'full when $at, a sync says so, and shares everything when there is space again',
    async ({ at, after = 0, isDone = false }) => {
      const before = await untouched();
      const [mine, fromLee] = [`Mine, ${at} ${after}`, `Theirs, ${at} ${after}`];
      await theirs(fromLee);
      const end = await runFaulty(
        program,
        {
          beadsDir: join(clone, '.beads'),
          commands: [['q', mine], ['sync']],
          at,
          after,
          fault: { fill: ballast },
        },
        { env: ENV, inside: startIn(clone) },
      );
      const told = isDone
        ? { exitCode: 0, stderr: '' }
        : { exitCode: 1, stderr: expect.stringMatching(TOLD) };
      expect(end).toMatchObject({ exitCode: 0, answers: [{ exitCode: 0 }, told] });

      await makeSpace();
      expect(await bd(['sync'], ALONE)).toMatchObject({ exitCode: 0, stderr: '' });
      await lee.sync();
      const shown = await mirror();
      expect(shown).toBe(readFileSync(lee.workspace.mirrorPath, 'utf8'));
      expect(titles(shown).filter((title) => [mine, fromLee].includes(title))).toHaveLength(2);
      expect(await untouched()).toBe(before);
      const fsck = await run([REAL_GIT, 'fsck', '--strict', '--no-dangling', '--no-progress']);
      expect(fsck).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    },
  );

  test.each([
    { how: 'without daemon', env: ALONE },
    { how: 'with a daemon', env: {} },
    { how: 'with a daemon that is yet to start', env: {}, stops: true },
  ])(
    'full before a change, $how: it is refused, and made when there is space again',
    async ({ how, env, stops = false }) => {
      // From here on nothing happens in the background that would make space.
      expect(await bd(['sync'], env)).toMatchObject({ exitCode: 0 });
      if (stops) await bd(['daemon', 'stop'], env);
      // As a daemon at rest does when its write-ahead log has grown.
      await eventually(async () => (await logBytes()) <= WAL_REST_BYTES_MAX);
      // What the store has in its files already can take a change or two more.
      await eventually(async () => {
        await fill();
        return (await bd(['q', 'Room was left'], env)).exitCode !== 0;
      });
      const title = `Made ${how}`;
      const refused = await bd(['create', title, '--json'], env);
      expect(refused.exitCode).toBe(1);
      expect(JSON.parse(refused.stdout)).toMatchObject({
        code: 'STORE_UNUSABLE',
        error: expect.stringContaining('disk is full'),
        remedy: expect.stringContaining('Make space'),
      });
      // What is open can be read all the time.
      if (how === 'with a daemon') expect(await bd(['list'], env)).toMatchObject({ exitCode: 0 });

      await makeSpace();
      expect(await bd(['create', title, '--json'], env)).toMatchObject({ exitCode: 0 });
      expect(await bd(['sync'], env)).toMatchObject({ exitCode: 0 });
      await lee.sync();
      const shown = await mirror();
      expect(titles(shown).filter((shownTitle) => shownTitle === title)).toHaveLength(1);
      expect(shown).toBe(readFileSync(lee.workspace.mirrorPath, 'utf8'));
    },
  );
});

describe('a disk that is full for a moment', () => {
  let mia: InProcessClone;
  let fullAt: CycleStep | undefined;

  beforeAll(async () => {
    const directory = join(sandbox.directory, 'mia');
    sandbox.git(sandbox.directory, 'clone', '--quiet', remote, directory);
    mia = await initInProcess(sandbox, directory, {
      reached(step) {
        if (step !== fullAt) return;
        fullAt = undefined;
        const error = new Error('ENOSPC: no space left on device, write');
        throw Object.assign(error, { code: 'ENOSPC' });
      },
    });
  });

  afterAll(() => mia[Symbol.asyncDispose]());

  test.each(STEPS)('when %s, keeps nobody from sharing after it', async (step) => {
    const [mine, fromLee] = [`Mine at ${step}`, `Theirs at ${step}`];
    await theirs(fromLee);
    await mia.call('create_issue', { issue: { title: mine } });
    fullAt = step;
    const { state, error } = await mia.sync();
    expect(fullAt).toBeUndefined();
    // What cannot be written before the cycle is written after it.
    if (step !== 'mirror written') {
      expect(state).toBe('failed');
      expect(error).toMatch(/no space left on device.* Make space/);
    }
    expect(await mia.sync()).toMatchObject({ state: 'ok', pending: 0, error: null });
    await lee.sync();
    const shown = readFileSync(mia.workspace.mirrorPath, 'utf8');
    expect(shown).toBe(readFileSync(lee.workspace.mirrorPath, 'utf8'));
    expect(titles(shown).filter((title) => [mine, fromLee].includes(title))).toHaveLength(2);
  });
});
