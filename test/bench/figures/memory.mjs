import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { median } from '../measure.mjs';

const SETTLE_MS = 3_000;
const SAMPLES = 3;

/** Resident memory of an idle daemon with 1,000 issues, against an empty Node process (Linux only). */
export async function memory(world) {
  const daemons = [];
  const floors = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const project = world.project(`memory-${sample}`, { issues: 1_000 });
    project.bd('daemon', 'stop');
    project.bd('ready');
    const empty = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { env: world.env });
    await new Promise((wake) => setTimeout(wake, SETTLE_MS));
    daemons.push(residentMb(readFileSync(join(project.beads, 'daemon.pid'), 'utf8').trim()));
    floors.push(residentMb(empty.pid));
    empty.kill();
    project.bd('daemon', 'stop');
  }
  const [mb, floorMb] = [median(daemons), median(floors)];
  return [
    {
      name: 'idle daemon, 1,000 issues',
      value: `${mb.toFixed(1)} MB`,
      floor: `empty node ${floorMb.toFixed(1)} MB`,
      ratio: mb / floorMb,
      target: 1.3,
    },
  ];
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
