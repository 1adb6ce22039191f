import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { figure, inTurns, median, timed } from '../measure.mjs';
import { peakMb } from './memory.mjs';
import { daemonSocket, makeIssues, openConnection } from '../world.mjs';

const ISSUES = 10_000;
const ROUNDS = 15;

/** From the store to the mirror, and from a file into the store. */
export async function files(world) {
  return [
    await mirrorFigure(world, { issues: ISSUES, target: 1.8 }),
    await mirrorFigure(world, { issues: 100_000, target: 3 }),
    ...(await importFigures(world, { issues: ISSUES, target: 6 })),
    ...(await importFigures(world, { issues: 100_000, target: 7 })),
  ];
}

async function mirrorFigure(world, { issues, target }) {
  const project = world.project(`mirror-${issues}`, { issues });
  // The mirror is written before it is read.
  project.bd('sync');
  const daemon = await openConnection(daemonSocket(project));
  const mirror = join(project.beads, 'beads.jsonl');
  const content = readFileSync(mirror);
  const bare = join(world.root, 'bare.jsonl');
  let change = 0;
  const edit = () =>
    daemon.ask('update_issue', {
      issue_id: 'b-00000',
      changes: { title: `Change ${(change += 1)}` },
    });

  const times = await inTurns(
    {
      write: () => writeAtomically(bare, content),
      mirror: async () => {
        await edit();
        await daemon.ask('export');
      },
    },
    { rounds: ROUNDS },
  );
  daemon.end();
  project.bd('daemon', 'stop');
  return figure({
    name: `one change of ${issues} issues to the mirror`,
    ms: median(times.mirror),
    floorMs: median(times.write),
    floor: 'write, fsync, rename of that file',
    target,
  });
}

/** The time, and the most memory that the daemon takes meanwhile. */
async function importFigures(world, { issues, target }) {
  const file = join(world.root, 'import.jsonl');
  writeFileSync(file, makeIssues(issues));
  const imports = [];
  const parses = [];
  const peaks = [];
  for (let round = 0; round < ROUNDS; round++) {
    const empty = world.project(`import-${issues}-${round}`);
    empty.bd('daemon', 'start');
    const connection = await openConnection(daemonSocket(empty));
    imports.push(await timed(() => connection.ask('import', { path: file })));
    peaks.push(peakMb(readFileSync(join(empty.beads, 'daemon.pid'), 'utf8')));
    parses.push(
      await timed(() =>
        readFileSync(file, 'utf8')
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line)),
      ),
    );
    connection.end();
    empty.bd('daemon', 'stop');
  }
  return [
    figure({
      name: `import of ${issues} issues`,
      ms: median(imports),
      floorMs: median(parses),
      floor: 'reading and parsing that file',
      target,
    }),
    {
      name: 'memory during that import',
      value: `${median(peaks).toFixed(0)} MB`,
      floor: 'the most allowed 300 MB',
      ratio: median(peaks) / 300,
      target: 1,
    },
  ];
}

function writeAtomically(path, content) {
  const temporary = `${path}.tmp`;
  const file = openSync(temporary, 'w');
  for (let at = 0; at < content.length; at += writeSync(file, content, at));
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, path);
}
