import { expect, test } from 'vitest';
import { simulate } from '../support/sync-simulation.ts';

/** `npm run simulate -- --seed 7 --rounds 60` for any other. */
const SEEDS = (process.env['SIMULATION_SEEDS'] ?? '1 2').split(' ').map(Number);
const ROUNDS = Number(process.env['SIMULATION_ROUNDS'] ?? '6');
const TIMEOUT_MS = 60_000 + 20_000 * ROUNDS;

/** What led to a problem is near the end, before all is well again. */
const HISTORY_SHOWN = 200;

test.each(SEEDS)(
  'clones that write, race, die and are cut off end alike, and with everything: seed %i',
  async (seed) => {
    const { problems, history, counts } = await simulate({ seed, rounds: ROUNDS });
    if (process.env['SIMULATION_SEEDS'] !== undefined) console.log(`seed ${seed}`, counts);
    expect(problems, history.slice(-HISTORY_SHOWN).join('\n')).toEqual([]);
    expect(counts.writes).toBeGreaterThan(ROUNDS);
  },
  TIMEOUT_MS,
);
