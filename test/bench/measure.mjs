// Measuring on machines that are noisy and have two cores: everything is a ratio to a floor, taken in the same run, in turns.
import { performance } from 'node:perf_hooks';

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

export async function timed(work) {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/**
 * Runs the variants in turns, after `warmUps` rounds that do not count; returns each one's times in ms.
 * The order turns with the round, so that none always follows the same neighbour.
 */
export async function inTurns(variants, { rounds, warmUps = 2 }) {
  const names = Object.keys(variants);
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -warmUps; round < rounds; round++) {
    const shift = (round + warmUps) % names.length;
    for (const name of [...names.slice(shift), ...names.slice(0, shift)]) {
      const ms = await timed(variants[name]);
      if (round >= 0) times[name].push(ms);
    }
  }
  return times;
}

/** One line of the report. `target` is the largest ratio that product decisions allow. */
export function figure({ name, ms, floorMs, floor, target }) {
  const ratio = ms / floorMs;
  return {
    name,
    value: `${format(ms)} ms`,
    floor: `${floor} ${format(floorMs)} ms`,
    ratio,
    target,
  };
}

function format(ms) {
  return ms >= 100 ? ms.toFixed(0) : ms >= 1 ? ms.toFixed(1) : ms.toFixed(3);
}

export function printFigures(figures) {
  const width = Math.max(...figures.map(({ name }) => name.length));
  for (const { name, value, floor, ratio, target } of figures) {
    const verdict = target === undefined ? '' : ratio <= target ? `≤ ${target}` : `OVER ${target}`;
    console.log(
      `${name.padEnd(width)}  ${value.padStart(10)}  ${`${ratio.toFixed(2)} ×`.padStart(9)}  ${verdict.padEnd(8)}  (${floor})`,
    );
  }
}
