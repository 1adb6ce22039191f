import { performance } from 'node:perf_hooks';
import { figure, inTurns, percentile, timed } from '../measure.mjs';
import { daemonSocket, openConnection } from '../world.mjs';

const SMALL = 1_000;
const LARGE = 100_000;

const INDEX_WAIT_MS = 180_000;

/** With the limits of the command line. */
const READS = {
  get: ['get_issue', { issue_id: 'b-000aa' }],
  'an id without its prefix': ['resolve_id', { issue_id: '000aa' }],
  list: ['list_issues', { filter: { exclude_statuses: ['closed'] }, limit: 50 }],
  ready: ['list_ready', { limit: 10 }],
  count: ['count_issues', {}],
  status: ['get_stats', {}],
  search: ['list_issues', { filter: { text: 'number 777 ' }, limit: 50 }],
};

const RATIO_MAX = { ready: 1.5 };

/** What is read over an open connection must cost the same in a large project. */
export async function reads(world) {
  const projects = [SMALL, LARGE].map((issues) => world.project(`of-${issues}`, { issues }));
  await untilIndexed(projects[1]);
  const [few, many] = await Promise.all(
    projects.map((project) => openConnection(daemonSocket(project))),
  );
  const figures = [];
  for (const [name, [method, params]] of Object.entries(READS)) {
    const times = await inTurns(
      { small: () => few.ask(method, params), large: () => many.ask(method, params) },
      { rounds: 200, warmUps: 20 },
    );
    figures.push(
      figure({
        name: `${name}, ${LARGE} issues, p95`,
        ms: percentile(times.large, 0.95),
        floorMs: percentile(times.small, 0.95),
        floor: `of ${SMALL}`,
        target: RATIO_MAX[name] ?? 2,
      }),
    );
  }
  for (const connection of [few, many]) connection.end();
  for (const project of projects) project.bd('daemon', 'stop');
  return figures;
}

/** The texts of an import are put into the search index while the daemon rests: while no connection is open. */
async function untilIndexed(project) {
  const endMs = performance.now() + INDEX_WAIT_MS;
  const [method, params] = READS.search;
  for (;;) {
    await new Promise((wake) => setTimeout(wake, 20_000));
    const connection = await openConnection(daemonSocket(project));
    const ms = await timed(() => connection.ask(method, params));
    connection.end();
    if (ms < 20 || performance.now() > endMs) return;
  }
}
