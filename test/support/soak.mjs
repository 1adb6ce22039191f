// npm run soak: searches the laws of the merge deeply, shows that its tests would notice a broken one, then lets
// clones, people and git at each other for long. `NUM_RUNS` is how many histories each law is tried with; 300,000
// take about two hours on two cores, the rest about one.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const NUM_RUNS = process.env.NUM_RUNS ?? '300000';

/** Ends this program when the part fails. */
function runPart(args, env) {
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const { NUM_RUNS: _unset, ...ordinary } = process.env;
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.mts'];
runPart([...vitest, 'test/core/causal'], { ...ordinary, NUM_RUNS });
// Each fault is looked for with the usual number of histories: a suite that needs more is too weak.
runPart(['test/core/causal/mutants.mjs'], ordinary);
const withGit = ['test/sync/footprint.test.ts', 'test/sync/many-clones.test.ts'];
runPart([...vitest, ...withGit], { ...ordinary, FOOTPRINT_ACTS: '500', PUSH_ROUNDS: '25' });
// Ten thousand rounds among four processes.
const lockRounds = ['test/processes/lock-traps.test.ts', '-t', 'again and again'];
runPart([...vitest, ...lockRounds], { ...ordinary, LOCK_ROUNDS: '2500' });
runPart([...vitest, 'test/processes/daemon-kills.test.ts'], { ...ordinary, DAEMON_KILLS: '200' });
runPart(['test/support/simulate.mjs', '--seeds', '20'], ordinary);
