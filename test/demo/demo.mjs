// Two people, two clones, one remote: what one does arrives at the other, and git stays clean.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..');
const BD = join(ROOT, 'bin/bd');
const EXAMPLE = join(ROOT, '.beads.example/beads.jsonl');
const ARRIVAL_DEADLINE_MS = 60_000;
const POLL_INTERVAL_MS = 100;

const place = mkdtempSync(join(tmpdir(), 'bd-demo-'));
const remote = join(place, 'remote.git');

// The demo is about the daemons: the settings that would do without them are left out.
const { CI: _ci, BEADS_NO_DAEMON: _noDaemon, BEADS_DIR: _dir, BEADS_DB: _db, ...env } = process.env;

function run(program, args, { cwd, input } = {}) {
  return execFileSync(program, args, {
    cwd,
    env,
    encoding: 'utf8',
    ...(input === undefined ? {} : { input }),
    stdio: ['pipe', 'pipe', 'inherit'],
  }).trimEnd();
}

const git = (cwd, ...args) => run('git', args, { cwd });

/** Shows the command and its output as a person in that clone sees them. */
function show(person, ...args) {
  const shown = args.map((arg) => (/[\s'"]/.test(arg) ? `"${arg}"` : arg)).join(' ');
  console.log(`${person.name} $ bd ${shown}`);
  const output = run(BD, args, { cwd: person.directory });
  if (output !== '') console.log(output.replace(/^/gm, '    '));
  console.log();
}

function quiet(person, ...args) {
  return run(BD, args, { cwd: person.directory });
}

function inBackground(person, ...args) {
  return new Promise((done, fail) => {
    const child = spawn(BD, args, { cwd: person.directory, env });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.pipe(process.stderr);
    child.on('close', (code) =>
      code === 0 ? done(output.trim()) : fail(new Error(`bd ${args.join(' ')} ended with ${code}`)),
    );
  });
}

/** Asks until the issue looks as expected there; returns how long that took. */
async function arrival(person, id, expected) {
  const startMs = Date.now();
  while (Date.now() - startMs < ARRIVAL_DEADLINE_MS) {
    const rows = JSON.parse(quiet(person, 'list', '--all', '--limit', '0', '--json'));
    const issue = rows.find((row) => row.id === id);
    if (issue !== undefined && expected(issue)) return ((Date.now() - startMs) / 1000).toFixed(1);
    await new Promise((wake) => setTimeout(wake, POLL_INTERVAL_MS));
  }
  throw new Error(`${id} did not arrive at ${person.name} within ${ARRIVAL_DEADLINE_MS / 1000} s`);
}

function clone(name) {
  const directory = join(place, name.toLowerCase());
  run('git', ['clone', '--quiet', remote, directory], { cwd: place });
  git(directory, 'config', 'user.name', name);
  git(directory, 'config', 'user.email', `${name.toLowerCase()}@example.com`);
  return { name, directory };
}

function heading(text) {
  console.log(`\n== ${text}\n`);
}

heading('A remote with one commit of ordinary work, and the first clone');
run('git', ['init', '--quiet', '--bare', '--initial-branch=main', remote], { cwd: place });
const seed = join(place, 'seed');
run('git', ['init', '--quiet', '--initial-branch=main', seed], { cwd: place });
writeFileSync(join(seed, 'README.md'), '# Weather kite\n');
git(seed, 'add', 'README.md');
git(seed, '-c', 'user.name=Mia', '-c', 'user.email=mia@example.com', 'commit', '-qm', 'Begin');
git(seed, 'push', '--quiet', remote, 'main');
const mia = clone('Mia');
show(mia, 'init', '--prefix', 'kite');
show(mia, 'import', '-i', EXAMPLE);
show(mia, 'ready');
show(mia, 'sync');

heading('A teammate clones, and has the issues');
const lee = clone('Lee');
show(lee, 'init');
show(lee, 'ready');

heading('Both work at once, each through a daemon of their own');
const [miaNew, leeNew] = await Promise.all([
  inBackground(mia, 'q', 'Order more carbon rods'),
  inBackground(lee, 'q', 'Test the winch in the rain'),
  inBackground(mia, 'update', 'kite-k9wz', '--claim'),
  inBackground(lee, 'close', 'kite-p4rt', '--reason', 'It is on the wiki'),
]);
console.log(
  `Mia created ${miaNew} and claimed kite-k9wz; Lee created ${leeNew} and closed kite-p4rt.`,
);
console.log('Nobody runs another command but to look:\n');
const times = await Promise.all([
  arrival(lee, miaNew, () => true),
  arrival(lee, 'kite-k9wz', (issue) => issue.assignee === 'Mia'),
  arrival(mia, leeNew, () => true),
  arrival(mia, 'kite-p4rt', (issue) => issue.status === 'closed'),
]);
console.log(
  `    at Lee's: ${miaNew} after ${times[0]} s, the claim of kite-k9wz after ${times[1]} s`,
);
console.log(
  `    at Mia's: ${leeNew} after ${times[2]} s, the end of kite-p4rt after ${times[3]} s`,
);

heading('Without a network, both change one issue');
renameSync(remote, `${remote}.away`);
show(mia, 'update', 'kite-7q0d', '--title', 'Battery dies in the cold', '--add-label', 'urgent');
show(lee, 'update', 'kite-7q0d', '--title', 'Battery lasts eleven minutes at 4 °C', '-p', '1');
renameSync(`${remote}.away`, remote);
console.log('The network is back. Both edits are kept, and of the titles somebody decides:\n');
for (const person of [mia, lee]) quiet(person, 'sync');
show(lee, 'conflicts');
show(lee, 'conflicts', 'resolve', 'kite-7q0d', 'title', '--take', 'other');
for (const person of [lee, mia]) quiet(person, 'sync');
show(mia, 'list', '--id', 'kite-7q0d');
show(mia, 'conflicts');

heading('What git says');
for (const person of [mia, lee]) {
  const status = git(person.directory, 'status', '--porcelain');
  const branches = git(person.directory, 'branch', '--format=%(refname:short)')
    .split('\n')
    .join(', ');
  console.log(
    `${person.name}: git status ${status === '' ? 'is clean' : `says:\n${status}`}; local branches: ${branches}`,
  );
  if (status !== '') process.exitCode = 1;
}
const heads = git(remote, 'branch', '--format=%(refname:short)').split('\n').join(', ');
console.log(`remote: branches ${heads}`);
const [miaLines, leeLines] = [mia, lee].map((person) =>
  readFileSync(join(person.directory, '.beads/beads.jsonl'), 'utf8'),
);
console.log(`the two mirrors are ${miaLines === leeLines ? 'equal, byte for byte' : 'different'}`);
if (miaLines !== leeLines) process.exitCode = 1;

for (const person of [mia, lee]) quiet(person, 'daemon', 'stop');
heading('Yours to play in');
console.log(`    cd ${mia.directory}     and     cd ${lee.directory}`);
console.log(`    alias bd=${BD}\n`);
console.log('The daemons are stopped; the next bd call there starts one.');
