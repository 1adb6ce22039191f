import { figure, inTurns, median } from '../measure.mjs';
import { daemonSocket, openConnection } from '../world.mjs';

const SMALL = 1_000;
const LARGE = 100_000;

/** Ready work must cost the same in a large project: it is read from an index. */
export async function readyWork(world) {
  const small = world.project('small', { issues: SMALL });
  const large = world.project('large', { issues: LARGE });
  const [few, many] = [
    await openConnection(daemonSocket(small)),
    await openConnection(daemonSocket(large)),
  ];
  const ask = (connection) => () => connection.ask('list_ready', { limit: 10 });
  const times = await inTurns({ small: ask(few), large: ask(many) }, { rounds: 100, warmUps: 10 });
  for (const [connection, project] of [
    [few, small],
    [many, large],
  ]) {
    connection.end();
    project.bd('daemon', 'stop');
  }
  return [
    figure({
      name: `ready work of ${LARGE} issues`,
      ms: median(times.large),
      floorMs: median(times.small),
      floor: `of ${SMALL}`,
      target: 2,
    }),
  ];
}
