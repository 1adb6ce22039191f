import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { chooseTmpdir } from './support/fast-tmpdir.mts';
import { LongFilesFirst } from './support/long-files-first.mts';

chooseTmpdir();

const ALL = 'test/**/*.test.ts';

/** These replace modules before they are loaded, or count what is alive in their process. */
const NEEDS_OWN_PROCESS = /\bvi\.mock\(|\bgetActiveResourcesInfo\(/;

const alone = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => NEEDS_OWN_PROCESS.test(readFileSync(join(import.meta.dirname, name), 'utf8')))
  .map((name) => `test/${name}`);

export default defineConfig({
  test: {
    setupFiles: ['test/support/record-git.ts'],
    sequence: { sequencer: LongFilesFirst },
    // Real processes, sockets and git on machines with two cores: generous, and never a target.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Many files wait for processes and timers.
    maxWorkers: 6,
    projects: [
      // One process for many files: loading all modules anew for each took a third of their time.
      { extends: true, test: { name: 'shared', include: [ALL], exclude: alone, isolate: false } },
      { extends: true, test: { name: 'alone', include: alone } },
    ],
  },
});
