import { execFileSync } from 'node:child_process';
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
import { daemonSocket, makeIssues, openConnection } from '../world.mjs';

const ISSUES = 10_000;

/** From the store to the mirror and to git, and from a file into the store. */
export async function files(world) {
  const project = world.project('files', { issues: ISSUES });
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

  const git = makeGitFloor(world, content);
  const times = await inTurns(
    {
      write: () => writeAtomically(bare, content),
      mirror: async () => {
        await edit();
        await daemon.ask('export');
      },
      commit: () => git.commit(),
      sync: async () => {
        await edit();
        const report = await daemon.ask('sync');
        if (report.pending > 0) throw new Error(`not shared: ${JSON.stringify(report)}`);
      },
    },
    { rounds: 10 },
  );
  daemon.end();
  project.bd('daemon', 'stop');

  const file = join(world.root, 'import.jsonl');
  writeFileSync(file, makeIssues(ISSUES));
  const imports = [];
  const parses = [];
  for (let round = 0; round < 5; round++) {
    const empty = world.project(`import-${round}`);
    empty.bd('daemon', 'start');
    const connection = await openConnection(daemonSocket(empty));
    imports.push(await timed(() => connection.ask('import', { path: file })));
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
      name: `one change of ${ISSUES} issues to the mirror`,
      ms: median(times.mirror),
      floorMs: median(times.write),
      floor: 'write, fsync, rename of that file',
      target: 3,
    }),
    figure({
      name: `one change of ${ISSUES} issues to a commit`,
      ms: median(times.sync),
      floorMs: median(times.commit),
      floor: 'git commit of that file',
      target: 2,
    }),
    figure({
      name: `import of ${ISSUES} issues`,
      ms: median(imports),
      floorMs: median(parses),
      floor: 'reading and parsing that file',
      target: 4,
    }),
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

function makeGitFloor(world, content) {
  const directory = join(world.root, 'git-floor');
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
