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
runPart([...vitest, 'test/core/causal', 'test/sync/intake/merge-files.test.ts'], {
  ...ordinary,
  NUM_RUNS,
});
// Each fault is looked for with the usual number of histories: a suite that needs more is too weak.
runPart(['test/core/causal/mutants.mjs'], ordinary);
const withGit = ['test/sync/footprint.test.ts', 'test/sync/many-clones.test.ts'];
runPart([...vitest, ...withGit], { ...ordinary, FOOTPRINT_ACTS: '500', PUSH_ROUNDS: '25' });
// Ten thousand rounds among four processes.
const lockRounds = ['test/processes/lock-traps.test.ts', '-t', 'again and again'];
runPart([...vitest, ...lockRounds], { ...ordinary, LOCK_ROUNDS: '2500' });
// What `npm test` does a few times: kills, turns, first calls, connections.
const often = {
  DAEMON_KILLS: '200',
  VERSION_TURNS: '50',
  COMMIT_TURNS: '50',
  CURRENT_ANSWERS_ROUNDS: '20',
  FIRST_CALLS: '100',
  STORE_COMERS: '20',
  CONNECTIONS: '10000',
};
const repeating = ['daemon-kills', 'versions', 'modes', 'current-answers'].concat([
  'one-daemon',
  'store-healing',
  'connections-return',
]);
const files = repeating.map((name) => `test/processes/${name}.test.ts`);
runPart([...vitest, '--testTimeout', '600000', ...files], { ...ordinary, ...often });
runPart(['test/support/simulate.mjs', '--seeds', '20'], ordinary);
