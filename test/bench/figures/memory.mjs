import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { median } from '../measure.mjs';
import { daemonSocket, openConnection } from '../world.mjs';

/** Long enough for what a daemon does at rest. */
const SETTLE_MS = 8_000;
const AFTER_IMPORT_MS = 60_000;
const SAMPLES = 15;
const LARGE = 100_000;

/** Resident memory of whole processes, against an empty Node process (Linux only). */
export async function memory(world) {
  const project = world.project('memory', { issues: 1_000 });
  const daemons = [];
  const floors = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    project.bd('daemon', 'stop');
    project.bd('ready');
    const empty = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { env: world.env });
    await sleep(SETTLE_MS);
    daemons.push(residentMb(daemonPid(project)));
    floors.push(residentMb(empty.pid));
    empty.kill();
  }
  project.bd('daemon', 'stop');
  const floorMb = median(floors);
  const row = (name, mb, target) => ({
    name,
    value: `${mb.toFixed(1)} MB`,
    floor: `empty node ${floorMb.toFixed(1)} MB`,
    ratio: mb / floorMb,
    target,
  });
  const idle = row('idle daemon, 1,000 issues', median(daemons), Math.min(1.33, 50 / floorMb));
  const large = await largeProject(world);
  return [
    idle,
    row('a minute after an import of 100,000', large.afterImportMb, 80 / floorMb),
    row('100,000 issues open and read', large.openMb, 120 / floorMb),
  ];
}

async function largeProject(world) {
  const project = world.project('large-memory', { issues: LARGE });
  await sleep(AFTER_IMPORT_MS);
  const afterImportMb = residentMb(daemonPid(project));
  project.bd('daemon', 'stop');
  project.bd('ready');
  const connection = await openConnection(daemonSocket(project));
  for (let request = 0; request < 100; request++) {
    await connection.ask('list_issues', { filter: { exclude_statuses: ['closed'] }, limit: 50 });
  }
  connection.end();
  const openMb = residentMb(daemonPid(project));
  project.bd('daemon', 'stop');
  return { afterImportMb, openMb };
}

function sleep(ms) {
  return new Promise((wake) => setTimeout(wake, ms));
}

function daemonPid(project) {
  return parseInt(readFileSync(join(project.beads, 'daemon.pid'), 'utf8'), 10);
}

export function residentMb(pid) {
  return memoryMb(pid, 'VmRSS');
}

/** The most that it had until now. */
export function peakMb(pid) {
  return memoryMb(pid, 'VmHWM');
}

function memoryMb(pid, key) {
  const status = readFileSync(`/proc/${parseInt(pid, 10)}/status`, 'utf8');
  return Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)[1]) / 1024;
}
