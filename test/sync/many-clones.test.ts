import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createSharedRemote,
  initInProcess,
  type InProcessClone,
} from '../support/in-process-clone.ts';
import { useSandbox } from '../support/sandbox.ts';

const CLONES = 8;
/** `PUSH_ROUNDS=25` for the long run. */
const ROUNDS = Number(process.env['PUSH_ROUNDS'] ?? '2');
const TIMEOUT_MS = 60_000 + 60_000 * ROUNDS;

const sandbox = useSandbox();
let all: InProcessClone[];
beforeEach(() => {
  all = [];
});
afterEach(async () => {
  for (const clone of all) await clone[Symbol.asyncDispose]();
});

test(
  'eight clones that push at once: every round ends, and every change arrives everywhere',
  async () => {
    const remote = createSharedRemote(sandbox);
    for (let at = 0; at < CLONES; at++) {
      const directory = join(sandbox.directory, `clone${at}`);
      sandbox.git(sandbox.directory, 'clone', '--quiet', remote, directory);
      all.push(await initInProcess(sandbox, directory, { name: `clone${at}` }));
    }
    const made: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const { call } of all) {
        const { issue_id: id } = await call('create_issue', { issue: { title: 'x' } });
        made.push(id);
      }
      const reports = await Promise.all(all.map((clone) => clone.sync()));
      // Who was overtaken too often says so, and is not stuck: the next cycle sends it.
      for (const { state } of reports) expect(['ok', 'failed', 'pending']).toContain(state);
    }
    for (let again = 0; again < 2; again++) {
      for (const clone of all)
        expect(await clone.sync()).toMatchObject({ pending: 0, error: null });
    }
    const mirrors = all.map(({ workspace }) => readFileSync(workspace.mirrorPath, 'utf8'));
    expect(new Set(mirrors).size).toBe(1);
    const lines = mirrors[0]!.split('\n').slice(0, -1);
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(made.sort());
    const merges = ['rev-list', '--count', '--merges', 'beads-sync'];
    expect(sandbox.git(remote, ...merges)).toBe('0');
  },
  TIMEOUT_MS,
);
