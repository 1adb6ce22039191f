import { defineConfig } from 'vitest/config';
import { LongFilesFirst } from './support/long-files-first.mts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/record-git.ts'],
    sequence: { sequencer: LongFilesFirst },
    // Real processes, sockets and git on machines with two cores: generous, and never a target.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 3,
  },
});
