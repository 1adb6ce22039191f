import { defineConfig } from 'vitest/config';
import { chooseTmpdir } from './support/fast-tmpdir.mts';
import { LongFilesFirst } from './support/long-files-first.mts';

chooseTmpdir();

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/record-git.ts'],
    sequence: { sequencer: LongFilesFirst },
    // Real processes, sockets and git on machines with two cores: generous, and never a target.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // A file finds what others have loaded: loading it anew for each took a third of their time.
    isolate: false,
    maxWorkers: 3,
  },
});
