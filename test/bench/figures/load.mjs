import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { figure, median, percentile, timed } from '../measure.mjs';
import { daemonSocket, openConnection } from '../world.mjs';
import { openBareDatabase } from './connection.mjs';
import { residentMb } from './memory.mjs';

const READERS = 100;
const READS_PER_SECOND = 5;
const WRITERS = 20;
/** Of all writers together. */
const WRITES_PER_SECOND = 5;
const SECONDS = 60;

/** A crowd on one daemon: what an answer takes then, against one on an idle daemon and a bare commit. */
export async function load(world) {
  const project = world.project('load', { issues: 1_000 });
  project.bd('list');
  const pid = readFileSync(join(project.beads, 'daemon.pid'), 'utf8').trim();
  const path = daemonSocket(project);
  const idle = await openConnection(path);
  const floor = await repeat(200, () => idle.ask('get_issue', { issue_id: 'b-00001' }));
  const database = openBareDatabase(join(world.root, 'bare.db'));
  const insert = database.prepare('INSERT INTO rows (text) VALUES (?)');
  const commit = await repeat(200, () => void insert.run('x'.repeat(500)));
  database.close();

  const [reads, writes, resident] = [[], [], []];
  const endMs = performance.now() + SECONDS * 1_000;
  const every = async (intervalMs, work) => {
    await pause(Math.random() * intervalMs);
    for (let due = performance.now(); due < endMs; due += intervalMs) {
      await work();
      await pause(Math.max(0, due + intervalMs - performance.now()));
    }
  };
  const clients = (count) => Promise.all(Array.from({ length: count }, () => openConnection(path)));
  const [readers, writers] = [await clients(READERS), await clients(WRITERS)];
  await Promise.all([
    ...readers.map((client, number) =>
      every(1_000 / READS_PER_SECOND, async () => {
        const [method, params] = question(number);
        reads.push(await timed(() => client.ask(method, params)));
      }),
    ),
    ...writers.map((client, number) =>
      every((1_000 * WRITERS) / WRITES_PER_SECOND, async () => {
        const changes = { title: `Changed at ${Math.round(performance.now())}` };
        const issue = `b-${number.toString(36).padStart(5, '0')}`;
        writes.push(await timed(() => client.ask('update_issue', { issue_id: issue, changes })));
      }),
    ),
    every(5_000, () => void resident.push(residentMb(pid))),
  ]);
  for (const client of [idle, ...readers, ...writers]) client.end();
  project.bd('daemon', 'stop');
  const half = Math.floor(resident.length / 2);
  const [before, after] = [median(resident.slice(1, half)), median(resident.slice(half))];
  return [
    figure({
      name: `p99 of ${reads.length} reads, ${READERS} clients polling beside ${WRITERS} writers`,
      ms: percentile(reads, 0.99),
      floorMs: median(floor),
      floor: 'p50 of a read on an idle daemon',
      target: 40,
    }),
    figure({
      name: `p99 of ${writes.length} changes meanwhile`,
      ms: percentile(writes, 0.99),
      floorMs: median(commit),
      floor: 'one-row SQLite commit, FULL',
      target: 100,
    }),
    {
      name: 'the daemon’s memory in the second half',
      value: `${after.toFixed(1)} MB`,
      floor: `first half ${before.toFixed(1)} MB`,
      ratio: after / before,
      target: 1.1,
    },
  ];
}

/** What pollers ask: mostly for what is ready, and for one issue. */
function question(number) {
  if (number % 4 === 0) return ['list_issues', { limit: 20 }];
  if (number % 2 === 0) return ['list_ready', { limit: 10 }];
  return ['get_issue', { issue_id: `b-${number.toString(36).padStart(5, '0')}` }];
}

async function repeat(count, work) {
  const times = [];
  for (let round = 0; round < count; round++) times.push(await timed(work));
  return times;
}
