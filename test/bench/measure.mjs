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

/**
 * One line of the report. `target` is the largest ratio that product decisions allow; `perSecondMin`, for
 * work on one core, is how often a second it must be done, which only tells something on an idle machine.
 */
export function figure({ name, ms, floorMs, floor, target, perSecondMin }) {
  const ratio = ms / floorMs;
  return {
    name,
    value: `${format(ms)} ms`,
    floor: `${floor} ${format(floorMs)} ms`,
    ratio,
    target,
    ...(perSecondMin === undefined ? {} : { note: rateNote(1000 / ms, perSecondMin) }),
  };
}

/** A size, which no noise changes: its own target in bytes decides. */
export function sizeFigure({ name, bytes, floorBytes, floor, bytesMax }) {
  return {
    name,
    value: `${bytes} B`,
    floor: `${floor} ${floorBytes} B`,
    ratio: bytes / floorBytes,
    target: bytesMax / floorBytes,
    note: `at most ${bytesMax} B`,
  };
}

function rateNote(perSecond, perSecondMin) {
  const thousands = (count) => `${Math.round(count / 1000)}k`;
  const verdict = perSecond >= perSecondMin ? '≥' : 'UNDER';
  return `${thousands(perSecond)} a second ${verdict} ${thousands(perSecondMin)}`;
}

/** A figure for programs: its ratio, the goal, and whether it is met; `null` without a goal. */
export function toJson({ name, value, floor, ratio, target, note }) {
  const goal = target ?? null;
  return { name, value, floor, ratio, goal, met: goal === null ? null : ratio <= goal, note };
}

/** The value below which `share` of them are. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function format(ms) {
  if (ms >= 100) return ms.toFixed(0);
  return ms >= 1 ? ms.toFixed(1) : ms.toPrecision(2);
}

export function printFigures(figures) {
  const width = Math.max(...figures.map(({ name }) => name.length));
  for (const { name, value, floor, ratio, target, note } of figures) {
    const limit = target === undefined ? '' : Number(target.toFixed(2));
    const verdict = limit === '' ? '' : ratio <= target ? `≤ ${limit}` : `OVER ${limit}`;
    const columns = [
      name.padEnd(width),
      value.padStart(10),
      `${ratio.toFixed(2)} ×`.padStart(9),
      verdict.padEnd(9),
      `(${floor})`,
      ...(note === undefined ? [] : [note]),
    ];
    console.log(columns.join('  '));
  }
}
