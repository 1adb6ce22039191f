import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { daemonsOf } from '../support/daemon-processes.ts';
import { eventually } from '../support/eventually.ts';
import { createRandom } from '../support/random.ts';
import { BD, createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

/** `DAEMON_KILLS=200` searches longer; each costs a daemon's start. */
const KILLS = Number(process.env['DAEMON_KILLS'] ?? '12');

/** A kill comes so long after the last at most: in the start, between requests, in a commit or a push. */
const KILL_AFTER_MS = 500;

/** Before each of these kills something was done since the last one, however long a start takes here. */
const KILLS_TO_PROGRESS = 4;

const WORKERS = 3;

/** Whoever started a daemon three times, and saw each one killed, is told that it was done without. */
const UNTROUBLED = /^(?:Done without a daemon: .*SIGKILL ended it\n)?$/;

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'with-remote', client: 'here' });
});
afterEach(() => workspace[Symbol.asyncDispose]());

/** False when it has just ended by itself. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

const titlesIn = (jsonl: string): string[] =>
  jsonl
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { title: string }).title)
    .sort();

const onRemote = (): string =>
  workspace.git('--git-dir', workspace.remote, 'show', 'beads-sync:.beads/issues.jsonl');

test(`what was acknowledged through ${KILLS} kills of the daemon is there once, in store, mirror and remote`, async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  const seed = Date.now() % 100_000;
  const random = createRandom(seed);
  const over = new AbortController();
  const acknowledged: string[] = [];
  const failed: string[] = [];
  const workers = Array.from({ length: WORKERS }, async (_, worker) => {
    for (let index = 0; !over.signal.aborted; index += 1) {
      const title = `${worker}.${index}`;
      const { exitCode, stderr } = await workspace.bd(['q', title], { program: BD });
      if (exitCode === 0 && UNTROUBLED.test(stderr)) acknowledged.push(title);
      else failed.push(`${title}: ${exitCode} ${stderr}`);
    }
  });
  for (let kills = 0; kills < KILLS;) {
    const before = acknowledged.length + failed.length;
    await new Promise((wake) => setTimeout(wake, random.below(KILL_AFTER_MS)));
    if (kills % KILLS_TO_PROGRESS === 0)
      await eventually(() => acknowledged.length + failed.length > before);
    const [pid] = daemonsOf(workspace);
    if (pid !== undefined && kill(pid)) kills += 1;
  }
  over.abort();
  await Promise.all(workers);

  expect(failed, `seed ${seed}`).toEqual([]);
  const { stdout } = await workspace.bd(['sync', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ pending: 0 });
  const issues = await workspace.bdJson<{ title: string }[]>(['list', '--all', '--limit', '0']);
  acknowledged.sort();
  expect(issues.map(({ title }) => title).sort(), `seed ${seed}`).toEqual(acknowledged);
  expect(titlesIn(readFileSync(join(workspace.beadsDir, 'beads.jsonl'), 'utf8'))).toEqual(
    acknowledged,
  );
  expect(titlesIn(onRemote())).toEqual(acknowledged);
}, 600_000);
