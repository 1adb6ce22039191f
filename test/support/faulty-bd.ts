/*
 * The entry of a bundle: commands as `bd` runs them without daemon, or as a daemon works on after them,
 * with something that happens at a step of the cycle.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { openPlace } from '../../src/place/workspace-place.ts';
import { takeWorkspace } from '../../src/local/take-workspace.ts';
import { runCommand } from '../../src/cli/execute.ts';
import { toBdError } from '../../src/core/errors.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import { countCommit } from '../../src/sync/branch/branch-memory.ts';
import type { CycleStep } from '../../src/sync/cycle.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace/workspace.ts';

export interface FaultyRun {
  beadsDir: string;
  commands: string[][];
  /** What happens when the step is reached during the last of the commands, or in the work after it. */
  at: CycleStep;
  /** How many times it is reached before; 0 when left out. */
  after?: number;
  /** Ends by SIGKILL, or fills the disk with this file and goes on. */
  fault: 'die' | { fill: string };
  /** Works on in the background, with much to tidy up, until it dies. */
  staysOn?: boolean;
}

export interface FaultyAnswer {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** More than are left to lie unpacked. */
const MANY_COMMITS = 30;

const run = JSON.parse(process.argv[2] ?? '') as FaultyRun;
let isDue = false;
let timesLeft = run.after ?? 0;

function reached(step: CycleStep): void {
  if (!isDue || step !== run.at || timesLeft-- > 0) return;
  isDue = false;
  if (run.fault === 'die') process.kill(process.pid, 'SIGKILL');
  else fillDisk(run.fault.fill);
}

/** To the last byte; a disk that is not full takes a part of what it is given. */
function fillDisk(path: string): void {
  const file = openSync(path, 'w');
  for (let size = 65_536; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeSync(file, Buffer.alloc(size, 1));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    }
  }
  closeSync(file);
}

async function answer(workspace: Workspace, argv: string[]): Promise<FaultyAnswer> {
  const out = { stdout: '', stderr: '' };
  const io = {
    cwd: workspace.place.projectDir,
    env: process.env,
    stdoutIsTty: false,
    columns: 80,
    stdout: (text: string) => void (out.stdout += text),
    stderr: (text: string) => void (out.stderr += text),
    readStdin: () => Promise.resolve(''),
  };
  const exitCode = await runCommand(argv, io, createCall(workspace));
  return { exitCode, ...out };
}

async function main(): Promise<void> {
  const { beadsDir, commands, staysOn = false } = run;
  const place = openPlace(beadsDir);
  const lock = await takeWorkspace(place, { waitMs: 0 });
  const workspace = await openWorkspace({
    place,
    env: process.env,
    clock: systemClock,
    log: silentLog,
    reached,
  });
  for (const [at, argv] of commands.entries()) {
    isDue = at === commands.length - 1;
    // Written at once: what was answered is acknowledged, whatever comes next.
    writeSync(1, `${JSON.stringify(await answer(workspace, argv))}\n`);
  }
  if (staysOn) {
    for (let at = 0; at < MANY_COMMITS; at++) countCommit(workspace.store.state);
    await workspace.sync.run(new AbortController().signal);
  }
  try {
    await workspace[Symbol.asyncDispose]();
  } catch (error) {
    const { message, remedy } = toBdError(error);
    writeSync(2, `Warning: ${message}\n${remedy}\n`);
  }
  lock.release();
}

await main();
