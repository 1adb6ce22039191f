import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BRANCH_FILE_BYTES_MAX, TEXT_CHARS_MAX } from '../../src/core/limits.ts';
import type { CycleStep } from '../../src/sync/cycle.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createSharedRemote, initInProcess, type InProcessClone } from './in-process-clone.ts';
import { createRandom, type Random } from './random.ts';
import { REAL_GIT } from './real-git.ts';
import { createWriteModel, type WriteModel } from './write-model.ts';
import { createSandbox, type Sandbox } from './sandbox.ts';

export interface SimulationReport {
  /** What must not be; empty when all is well. */
  problems: string[];
  /** What happened, for the message when something is wrong. */
  history: string[];
  counts: Record<
    'writes' | 'syncs' | 'crashes' | 'failures' | 'partitions' | 'rewinds' | 'gcs',
    number
  >;
}

const NOW_MS = Date.UTC(2026, 5, 1);
const YEAR_MS = 365 * 86_400_000;
const YEARS_OFF = [0, -32, 95, 3];

const STEPS: readonly CycleStep[] = [
  'fetched',
  'taken in',
  'objects written',
  'committed',
  'pushed',
  'noted',
  'mirror written',
];

/** Syncs after which clones that hear of each other have nothing left to tell. */
const SETTLING_ROUNDS = 6;

interface Member {
  clone: InProcessClone;
  clock: FakeClock;
  /** Where its next cycle dies. */
  fate: CycleStep | undefined;
  /** Tells that it died there. */
  died: () => void;
}

interface Simulation {
  sandbox: Sandbox;
  random: Random;
  remote: string;
  members: Member[];
  model: WriteModel;
  report: SimulationReport;
}

/**
 * Clones with clocks of their own write, sync at once, die in the middle and are cut off from a remote
 * that refuses, is rewound and cleaned up; in the end all is well again, and everything must be there.
 */
export async function simulate({
  seed,
  rounds,
}: {
  seed: number;
  rounds: number;
}): Promise<SimulationReport> {
  const sandbox = createSandbox();
  const random = createRandom(seed);
  const report: SimulationReport = {
    problems: [],
    history: [],
    counts: { writes: 0, syncs: 0, crashes: 0, failures: 0, partitions: 0, rewinds: 0, gcs: 0 },
  };
  const simulation: Simulation = {
    sandbox,
    random,
    remote: createSharedRemote(sandbox),
    members: [],
    model: createWriteModel(),
    report,
  };
  try {
    for (const years of YEARS_OFF) simulation.members.push(await joinProject(simulation, years));
    // Every other seed begins with a project that was once too large for one file.
    if (seed % 2 === 0) await growIntoParts(simulation.members[0]!.clone);
    refuseOneInTen(simulation.remote);
    for (let round = 0; round < rounds; round++) await playRound(simulation);
    await settle(simulation);
    await examine(simulation);
    report.counts.writes = simulation.model.writeCount;
    return report;
  } finally {
    for (const { clone } of simulation.members) clone.workspace.store.close();
    sandbox[Symbol.dispose]();
  }
}

async function joinProject(
  { sandbox, remote, members }: Simulation,
  yearsOff: number,
): Promise<Member> {
  const name = `clone${members.length}`;
  const directory = join(sandbox.directory, name);
  sandbox.git(sandbox.directory, 'clone', '--quiet', remote, directory);
  const clock = createFakeClock(NOW_MS + yearsOff * YEAR_MS);
  let member: Member | undefined;
  const reached = (step: CycleStep): Promise<void> | void => {
    // Opening the clone reaches steps too, before it is a member.
    if (member?.fate !== step) return;
    member.fate = undefined;
    member.died();
    // Nothing comes after a death.
    return new Promise(() => {});
  };
  const clone = await initInProcess(sandbox, directory, { name, clock, reached });
  member = { clone, clock, fate: undefined, died: () => {} };
  return member;
}

/** What is once in parts stays in parts. */
async function growIntoParts({ call, sync }: InProcessClone): Promise<void> {
  const large = { title: 'large', description: 'x'.repeat(TEXT_CHARS_MAX) };
  const ids: string[] = [];
  for (let bytes = 0; bytes <= BRANCH_FILE_BYTES_MAX; bytes += TEXT_CHARS_MAX) {
    const { issue_id: id } = await call('create_issue', { issue: large });
    ids.push(id);
  }
  await sync();
  for (const id of ids) await call('update_issue', { issue_id: id, changes: { description: '' } });
  await sync();
}

function refuseOneInTen(remote: string): void {
  const hook = join(remote, 'hooks/pre-receive');
  writeFileSync(
    hook,
    `#!/bin/sh
read -r count < '${hook}.count'
echo $((count + 1)) > '${hook}.count'
test $((count % 10)) -ne 9 || { echo 'not now' >&2; exit 1; }
`,
  );
  writeFileSync(`${hook}.count`, '0\n');
  chmodSync(hook, 0o755);
}

async function playRound(simulation: Simulation): Promise<void> {
  const { random, members, model, report, remote, sandbox } = simulation;
  const { counts, history } = report;
  history.push('— round');
  for (const [at, { clone, clock }] of members.entries()) {
    for (let change = random.below(4); change > 0; change--) {
      clock.advance(1 + random.below(10_000));
      history.push(`${at}: ${await model.change(clone.call, random)}`);
    }
  }
  if (random.chance(0.2)) {
    const isAway = toggleAway(remote);
    history.push(isAway ? 'the remote is away' : 'the remote is back');
    if (isAway) counts.partitions++;
  }
  if (existsSync(remote) && random.chance(0.05)) {
    counts.rewinds++;
    history.push(`rewound: ${rewind(sandbox, remote, random)}`);
  }
  const beside = random.chance(0.15) ? [collectGarbage(random.pick(members).clone.directory)] : [];
  counts.gcs += beside.length;
  const syncing = members.filter(() => random.chance(0.6));
  for (const member of syncing) if (random.chance(0.2)) member.fate = random.pick(STEPS);
  await Promise.all([...beside, ...syncing.map((member) => syncOrDie(simulation, member))]);
}

function toggleAway(remote: string): boolean {
  const away = `${remote}.away`;
  const isThere = existsSync(remote);
  renameSync(isThere ? remote : away, isThere ? away : remote);
  return isThere;
}

/** A force-push to an older state of the branch, by somebody who knows nothing of bd. */
function rewind(sandbox: Sandbox, remote: string, random: Random): string {
  const branch = 'refs/heads/beads-sync';
  const commits = sandbox.git(remote, 'rev-list', '--first-parent', branch).split('\n');
  const target = random.pick(commits.slice(0, 5));
  sandbox.git(remote, 'update-ref', branch, target);
  return target;
}

async function collectGarbage(directory: string): Promise<void> {
  const gc = spawn(REAL_GIT, ['gc', '--quiet', '--prune=now'], { cwd: directory, stdio: 'ignore' });
  await once(gc, 'exit');
}

async function syncOrDie({ members, report }: Simulation, member: Member): Promise<void> {
  const at = members.indexOf(member);
  const fate = member.fate;
  const death = new Promise<'died'>((resolve) => {
    member.died = () => resolve('died');
  });
  report.counts.syncs++;
  const end = await Promise.race([member.clone.sync(), death]);
  member.fate = undefined;
  if (end === 'died') {
    report.counts.crashes++;
    report.history.push(`${at}: dies when ${fate}`);
    await member.clone.crash();
    return;
  }
  if (end.error !== null) report.counts.failures++;
  report.history.push(`${at}: sync ${end.state}, ${end.pending} pending, ${end.error ?? 'well'}`);
}

/** All is well again: each hears of all the others. */
async function settle(simulation: Simulation): Promise<void> {
  const { remote, members, report } = simulation;
  if (!existsSync(remote)) toggleAway(remote);
  rmSync(join(remote, 'hooks/pre-receive'));
  report.history.push('— all is well again');
  for (let round = 0; round < SETTLING_ROUNDS; round++) {
    for (const member of members) await syncOrDie(simulation, member);
  }
}

async function examine({ members, model, sandbox, remote, report }: Simulation): Promise<void> {
  const { problems } = report;
  const mirrors = members.map(({ clone }) => readFileSync(clone.workspace.mirrorPath, 'utf8'));
  mirrors.forEach((mirror, at) => {
    if (mirror !== mirrors[0]) problems.push(`the mirror of ${at} is another than that of 0`);
  });
  for (const [at, { clone }] of members.entries()) {
    for (const what of await model.missing(clone.call)) problems.push(`in ${at}, ${what}`);
  }
  const refs = (): string =>
    [remote, ...members.map(({ clone }) => clone.directory)]
      .map((place) =>
        sandbox.git(place, 'for-each-ref', 'refs/heads', 'refs/bd/sync', 'refs/beads'),
      )
      .join('\n');
  const before = refs();
  for (const [at, { clone }] of members.entries()) {
    const { state, pending, pushed, error } = await clone.sync();
    if (state !== 'ok' || pending + pushed > 0) {
      problems.push(
        `${at} has not settled: ${state}, ${pending} pending, ${pushed} pushed, ${error}`,
      );
    }
  }
  if (refs() !== before) problems.push('one more cycle made a commit');
  for (const place of [remote, ...members.map(({ clone }) => clone.directory)]) {
    const fsck = attempt(() => sandbox.git(place, 'fsck', '--no-dangling', '--no-progress'));
    if (fsck !== '') problems.push(`git fsck in ${place}: ${fsck}`);
  }
  const merges = sandbox.git(remote, 'rev-list', '--count', '--merges', 'refs/heads/beads-sync');
  if (merges !== '0') problems.push(`the branch has ${merges} merge commits`);
}

function attempt(work: () => string): string {
  try {
    return work();
  } catch (error) {
    return String(error);
  }
}
