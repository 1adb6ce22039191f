/*
 * The entry of a bundle. `hold <lock>` takes the lock, forgets what it was given, has the collector run, and
 * stays. `contend <lock> <rounds> <marker>` takes it again and again, and looks each time whether it is alone.
 */
import { mkdirSync, rmdirSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { acquireKernelLock } from '../../src/platform/kernel-lock.ts';

const [, , task = '', path = '', rounds = '', marker = ''] = process.argv;

async function hold(): Promise<void> {
  await acquireKernelLock(path, { waitMs: 0 });
  for (let turn = 0; turn < 5; turn++) {
    globalThis.gc?.();
    await new Promise((next) => setImmediate(next));
  }
  writeSync(1, globalThis.gc === undefined ? 'no collector\n' : 'collected\n');
  setInterval(() => {}, 60_000);
}

async function contend(): Promise<void> {
  for (let round = 0; round < Number(rounds); round++) {
    const lock = await acquireKernelLock(path, { waitMs: 30_000 });
    if (lock === undefined) throw new Error('nobody let go');
    mkdirSync(marker);
    // Long enough for another holder to be noticed.
    await pause(1);
    rmdirSync(marker);
    lock.release();
    // Whoever asks again at once would have it again: the others only look now and then.
    await pause(Math.random() * 20);
  }
}

await (task === 'hold' ? hold() : contend());
