import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { figure, inTurns, median, sizeFigure } from '../measure.mjs';
import { daemonSocket, openConnection } from '../world.mjs';

const ROUNDS = 15;
/** More than are made before objects are packed, and how often their size is looked at. */
const [COMMITS, COMMITS_A_LOOK] = [250, 10];
const LOOSE_BYTES_MAX = 15 * 1024 * 1024;

/** From a change to a commit on our ref, and to another clone; and what the commits leave behind. */
export async function sharing(world) {
  return [
    await commitFigure(world, { issues: 1_000, target: 1.2 }),
    await commitFigure(world, { issues: 10_000, target: 0.5 }),
    await contendedFigure(world, 10_000),
    await growthFigure(world, 10_000),
  ];
}

async function commitFigure(world, { issues, target }) {
  const project = world.project(`commit-${issues}`, { issues });
  const daemon = await openDaemon(project);
  const content = readFileSync(join(project.beads, 'beads.jsonl'));
  const git = makeGitFloor(world, `floor-${issues}`, content);
  const times = await inTurns(
    { commit: () => git.commit(), sync: () => daemon.change() },
    { rounds: ROUNDS },
  );
  daemon.end();
  return figure({
    name: `one change of ${issues} issues to a commit`,
    ms: median(times.sync),
    floorMs: median(times.commit),
    floor: 'git commit of that file',
    target,
  });
}

/** Both clones change an issue: the second fetches the first one's, joins, commits on top and pushes. */
async function contendedFigure(world, issues) {
  const remote = join(world.root, 'remote.git');
  execFileSync('git', ['init', '-q', '--bare', remote], { env: world.env });
  const first = world.project('first', { issues });
  share(world, first, remote);
  const second = world.project('second', { remote });
  const [a, b] = [await openDaemon(first), await openDaemon(second)];
  await b.ask('sync');
  const bare = join(world.root, 'bare-fetch.git');
  execFileSync('git', ['clone', '-q', '--bare', remote, bare], { env: world.env });
  const fetch = ['fetch', '-q', remote, '+refs/heads/beads-sync:refs/floor/sync'];
  const times = { cycle: [], fetch: [] };
  for (let round = 0; round < ROUNDS; round++) {
    await a.change();
    const measured = await inTurns(
      {
        fetch: () => execFileSync('git', fetch, { cwd: bare, env: world.env }),
        cycle: () => b.change(),
      },
      { rounds: 1, warmUps: 0 },
    );
    times.cycle.push(...measured.cycle);
    times.fetch.push(...measured.fetch);
    await a.ask('sync');
  }
  a.end();
  b.end();
  return figure({
    name: `a cycle that joins another clone's change, ${issues} issues`,
    ms: median(times.cycle),
    floorMs: median(times.fetch),
    floor: 'git fetch of that change',
    target: 3,
  });
}

async function growthFigure(world, issues) {
  const project = world.project('growth', { issues });
  const daemon = await openDaemon(project);
  await daemon.change();
  const before = looseBytes(world, project.directory);
  let most = before;
  for (let at = 0; at < COMMITS; at++) {
    await daemon.change();
    if (at % COMMITS_A_LOOK === 0) most = Math.max(most, looseBytes(world, project.directory));
  }
  const bytes = most - before;
  const floorBytes = readFileSync(join(project.beads, 'beads.jsonl')).length;
  daemon.end();
  return sizeFigure({
    name: `most loose objects in ${COMMITS} commits, ${issues} issues`,
    bytes,
    floorBytes,
    floor: 'the mirror',
    bytesMax: LOOSE_BYTES_MAX,
  });
}

function share(world, { directory, bd }, remote) {
  execFileSync('git', ['remote', 'add', 'origin', remote], { cwd: directory, env: world.env });
  bd('config', 'set', 'sync.push', 'true');
  bd('sync');
}

/** A connection on which one call changes another issue each time and sees it shared. */
async function openDaemon(project) {
  project.bd('sync');
  const daemon = await openConnection(daemonSocket(project));
  let change = 0;
  return {
    ask: (method, params) => daemon.ask(method, params),
    async change() {
      change += 1;
      const issue_id = `b-${((change * 37) % 1_000).toString(36).padStart(5, '0')}`;
      const title = `Change ${change} in ${project.directory}`;
      await daemon.ask('update_issue', { issue_id, changes: { title } });
      const report = await daemon.ask('sync');
      if (report.pending > 0) throw new Error(`not shared: ${JSON.stringify(report)}`);
    },
    end() {
      daemon.end();
      project.bd('daemon', 'stop');
    },
  };
}

function looseBytes(world, directory) {
  const counted = execFileSync('git', ['count-objects', '-v'], { cwd: directory, env: world.env });
  return Number(/^size: (\d+)$/m.exec(counted.toString())[1]) * 1024;
}

function makeGitFloor(world, name, content) {
  const directory = join(world.root, name);
  const git = (...args) => execFileSync('git', args, { cwd: directory, env: world.env });
  execFileSync('git', ['init', '-q', directory], { env: world.env });
  git('config', 'user.name', 'b');
  git('config', 'user.email', 'b@example.com');
  const path = join(directory, 'issues.jsonl');
  writeFileSync(path, content);
  git('add', '.');
  git('commit', '-qm', 'Begin');
  let change = 0;
  return {
    commit() {
      writeFileSync(path, Buffer.concat([content, Buffer.from(`${(change += 1)}\n`)]));
      git('commit', '-qm', 'Change', '--', 'issues.jsonl');
    },
  };
}
