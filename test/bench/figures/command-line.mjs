import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BD } from '../world.mjs';
import { figure, inTurns, median } from '../measure.mjs';

const LAUNCHER = resolve(import.meta.dirname, '../../../bin/bd');
const ROUNDS = 21;
const WARM_UPS = 2;
const FLOOR = 'node -e 0';

/** What a person and an agent wait for: the whole process, from its start to its end. */
export async function commandLine(world) {
  const project = world.project('cli', { issues: 2_400 });
  const git = (...args) => spawnSync('git', args, { cwd: project.directory, env: world.env });
  git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-q', '--allow-empty', '-m', 'One');
  const places = {
    'main tree': project.directory,
    'linked worktree': join(world.root, 'tree'),
    subdirectory: join(project.directory, 'a/b'),
  };
  git('worktree', 'add', '-q', '-b', 'other', places['linked worktree']);
  mkdirSync(places.subdirectory, { recursive: true });
  return [
    ...(await warmCommands(world, project, places)),
    await manyInARow(world, project),
    await firstCall(world, project),
    await withoutDaemon(world, project),
  ];
}

function run(program, args, { cwd, env }) {
  const { status, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
}

const bareNode = ({ env }) => run(process.execPath, ['-e', '0'], { cwd: '/', env });

async function warmCommands(world, project, places) {
  const { env } = world;
  const create = (title) => project.bd('q', title).trim();
  const id = create('An issue to look at');
  const closable = Array.from({ length: ROUNDS + WARM_UPS }, () => create('An issue to close'));
  const bd =
    (cwd, ...args) =>
    () =>
      run(LAUNCHER, args, { cwd, env });
  const here = project.directory;
  let changes = 0;
  const reads = Object.fromEntries(
    Object.entries(places).flatMap(([name, cwd]) => [
      [`show ${name}`, bd(cwd, 'show', id, '--json')],
      [`ready ${name}`, bd(cwd, 'ready', '--json')],
    ]),
  );
  const times = await inTurns(
    {
      floor: () => bareNode(world),
      ...reads,
      list: bd(here, 'list', '--json'),
      search: bd(here, 'search', 'kite', '--json'),
      create: bd(here, 'q', 'One more'),
      update: () => bd(here, 'update', id, '--title', `Title ${(changes += 1)}`)(),
      close: () => bd(here, 'close', closable.pop())(),
      'Node client': () => run(process.execPath, [BD, 'show', id, '--json'], { cwd: here, env }),
    },
    { rounds: ROUNDS, warmUps: WARM_UPS },
  );
  const against = (name, key, target) =>
    figure({ name, ms: median(times[key]), floorMs: median(times.floor), floor: FLOOR, target });
  return [
    ...Object.keys(places).flatMap((place) => [
      against(`bd show X --json, ${place}`, `show ${place}`, 0.15),
      against(`bd ready --json, ${place}`, `ready ${place}`, 0.15),
    ]),
    against('bd list --json', 'list', 0.25),
    against('bd search kite --json', 'search', 0.25),
    against('bd q "…", durable', 'create', 0.25),
    against('bd update X --title "…", durable', 'update', 0.25),
    against('bd close X, durable', 'close', 0.25),
    against('bd show X --json, Node client', 'Node client', 1.25),
  ];
}

/** As a script calls it. */
async function manyInARow({ env }, project) {
  const id = project.bd('q', 'An issue to look at').trim();
  const loop = `i=0; while [ $i -lt 20 ]; do "$BD" show ${id} --json >/dev/null || exit 1; i=$((i+1)); done`;
  const loopWith = (client) => () =>
    run('sh', ['-c', loop], {
      cwd: project.directory,
      env: { ...env, BD: LAUNCHER, BD_CLIENT: client },
    });
  const times = await inTurns(
    { native: loopWith('native'), node: loopWith('node') },
    { rounds: 15, warmUps: 1 },
  );
  return figure({
    name: 'bd show X --json, 20 in a row',
    ms: median(times.native),
    floorMs: median(times.node),
    floor: 'the Node client',
    target: 1 / 8,
  });
}

/** The daemon is stopped before each call, outside the measured time. */
async function firstCall(world, project) {
  const id = project.bd('q', 'An issue to look at').trim();
  const [first, floors] = [[], []];
  for (let round = 0; round < 15 + WARM_UPS; round++) {
    project.bd('daemon', 'stop');
    const times = await inTurns(
      {
        floor: () => bareNode(world),
        first: () =>
          run(LAUNCHER, ['show', id, '--json'], { cwd: project.directory, env: world.env }),
      },
      { rounds: 1, warmUps: 0 },
    );
    if (round >= WARM_UPS) first.push(times.first[0]);
    if (round >= WARM_UPS) floors.push(times.floor[0]);
  }
  project.bd('daemon', 'stop');
  return figure({
    name: 'first call, with the daemon’s start',
    ms: median(first),
    floorMs: median(floors),
    floor: FLOOR,
    target: 2.5,
  });
}

async function withoutDaemon(world, project) {
  const id = project.bd('q', 'An issue to look at').trim();
  project.bd('daemon', 'stop');
  const env = { ...world.env, BEADS_NO_DAEMON: '1' };
  const times = await inTurns(
    {
      floor: () => bareNode(world),
      direct: () => run(LAUNCHER, ['show', id, '--json'], { cwd: project.directory, env }),
    },
    { rounds: 15 },
  );
  return figure({
    name: 'bd show X --json without daemon',
    ms: median(times.direct),
    floorMs: median(times.floor),
    floor: FLOOR,
    target: 2.2,
  });
}
