import { spawnSync } from 'node:child_process';
import { BD } from '../world.mjs';
import { figure, inTurns, median } from '../measure.mjs';

/** What a person and an agent wait for: the whole process, from its start to its end. */
export async function commandLine(world) {
  const project = world.project('cli');
  const id = project.bd('q', 'An issue to look at').trim();
  const node =
    (...args) =>
    () => {
      const { status, stderr } = spawnSync(process.execPath, args, {
        cwd: project.directory,
        env: world.env,
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
    };
  const warm = await inTurns(
    {
      floor: node('-e', '0'),
      show: node(BD, 'show', id, '--json'),
      ready: node(BD, 'ready', '--json'),
      create: node(BD, 'q', 'One more'),
    },
    { rounds: 30 },
  );
  const floorMs = median(warm.floor);
  project.bd('daemon', 'stop');

  // The daemon is stopped before each first call, outside the measured time.
  const first = [];
  const floors = [];
  for (let round = 0; round < 12; round++) {
    const times = await inTurns(
      { floor: node('-e', '0'), first: node(BD, 'show', id, '--json') },
      { rounds: 1, warmUps: 0 },
    );
    if (round > 1) first.push(times.first[0]);
    if (round > 1) floors.push(times.floor[0]);
    project.bd('daemon', 'stop');
  }
  const directEnv = { ...world.env, BEADS_NO_DAEMON: '1' };
  const direct = await inTurns(
    {
      floor: node('-e', '0'),
      direct: () =>
        spawnSync(process.execPath, [BD, 'show', id, '--json'], {
          cwd: project.directory,
          env: directEnv,
        }),
    },
    { rounds: 15 },
  );
  const against = (name, times, target) =>
    figure({ name, ms: median(times), floorMs, floor: 'node -e 0', target });
  return [
    against('bd show X --json, warm', warm.show, 1.25),
    against('bd ready --json, warm', warm.ready),
    against('bd q "…", warm, durable', warm.create),
    figure({
      name: 'first call, with the daemon’s start',
      ms: median(first),
      floorMs: median(floors),
      floor: 'node -e 0',
      target: 3,
    }),
    figure({
      name: 'bd show X --json without daemon',
      ms: median(direct.direct),
      floorMs: median(direct.floor),
      floor: 'node -e 0',
    }),
  ];
}
