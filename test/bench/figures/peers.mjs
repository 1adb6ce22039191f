import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { figure, inTurns, median, timed } from '../measure.mjs';
import { makeIssues } from '../world.mjs';

const ISSUES = 2_404;
const ROUNDS = 21;
const AT_ONCE = 20;
const LOOKED_AT = 'b-00007';
const WORD = 'winch';

const LAUNCHER = resolve(import.meta.dirname, '../../../bin/bd');

/** What the classic command line takes, and all who took it over. */
const CLASSIC_COMMANDS = {
  show: (id) => ['show', id, '--json'],
  ready: () => ['ready', '--json'],
  list: () => ['list', '--json'],
  search: () => ['search', WORD, '--json'],
  create: (_, number) => ['create', `One more ${number}`, '--json'],
  update: (id, number) => ['update', id, '--title', `Title ${number}`, '--json'],
};

/** The tools that someone could take instead, where they are installed. */
const TOOLS = [
  {
    name: 'bd',
    program: () => LAUNCHER,
    begin: [['init', '--prefix', 'b', '--local']],
    fill: (run, file) => run(['import', '-i', file]),
    end: [['daemon', 'stop']],
    commands: CLASSIC_COMMANDS,
  },
  {
    name: 'classic bd',
    program: () => process.env.BD_PEER,
    begin: [['init', '--prefix', 'b', '--quiet']],
    fill: (run, file) => run(['import', '-i', file]),
    end: [['daemon', 'stop']],
    commands: CLASSIC_COMMANDS,
  },
  {
    name: 'br',
    program: () => onPath('br'),
    begin: [['init', '--prefix', 'b']],
    fill(run, file, directory) {
      copyFileSync(file, join(directory, '.beads/issues.jsonl'));
      run(['sync', '--import-only']);
    },
    end: [],
    commands: CLASSIC_COMMANDS,
  },
  {
    name: 'git-bug',
    program: () => onPath('git-bug'),
    begin: [
      ['user', 'new', '--name', 'Bench', '--email', 'bench@example.org', '--non-interactive'],
    ],
    /** It reads no such file: issues are made one by one, and only some of them. */
    fill(run) {
      for (let number = 0; number < 200; number++) run(newBug(number));
    },
    end: [],
    firstId: (run) => JSON.parse(run(['bug', '--format', 'json']))[0].id,
    commands: {
      show: (id) => ['bug', 'show', id, '--format', 'json'],
      list: () => ['bug', '--format', 'json'],
      create: (_, number) => newBug(number),
      update: (id, number) => [
        'bug',
        'title',
        'edit',
        id,
        '-t',
        `Title ${number}`,
        '--non-interactive',
      ],
    },
  },
];

/** Whole processes, in turns with `node -e 0`; each tool in a repository of its own with the same issues. */
export async function peers(world) {
  const file = join(world.root, 'peers.jsonl');
  writeFileSync(file, makeIssues(ISSUES, { edgesEvery: 10 }));
  const found = TOOLS.filter((tool) => tool.program() !== undefined);
  const figures = [];
  const started = [];
  for (const tool of found) started.push(await begin(tool, { world, file, figures }));
  for (const work of Object.keys(CLASSIC_COMMANDS)) {
    const takes = started.filter(({ commands }) => commands[work] !== undefined);
    let number = 0;
    const variants = takes.map(({ name, id, run, commands }) => [
      name,
      () => run(commands[work](id, (number += 1))),
    ]);
    const times = await inTurns(
      { floor: () => emptyNode(world), ...Object.fromEntries(variants) },
      { rounds: ROUNDS },
    );
    for (const { name } of takes) figures.push(against(work, name, times[name], times.floor));
  }
  for (const tool of started) {
    const floors = [];
    const times = [];
    for (let round = 0; round < 3; round++) {
      floors.push(await timed(() => emptyNode(world)));
      const many = Array.from({ length: AT_ONCE }, (_, at) =>
        tool.commands.create('', `${round}-${at}`),
      );
      times.push(await timed(() => Promise.all(many.map((argv) => tool.start(argv)))));
    }
    figures.push(against(`${AT_ONCE} creates at once`, tool.name, times, floors));
    for (const argv of tool.end) spawnSync(tool.program(), argv, tool.options);
  }
  return figures;
}

async function begin(tool, { world, file, figures }) {
  const directory = join(world.root, `peer-${tool.name.replace(' ', '-')}`);
  mkdirSync(directory);
  const options = { cwd: directory, env: world.env, encoding: 'utf8', maxBuffer: 1 << 30 };
  execFileSync('git', ['init', '-q', directory], options);
  for (const [key, value] of [
    ['user.name', 'Bench'],
    ['user.email', 'bench@example.org'],
  ])
    execFileSync('git', ['config', key, value], options);
  const run = (argv) => {
    const { status, stdout, stderr } = spawnSync(tool.program(), argv, { ...options, input: '' });
    if (status !== 0)
      throw new Error(`${tool.name} ${argv.join(' ')} ended with ${status}: ${stderr}`);
    return stdout;
  };
  const start = (argv) =>
    new Promise((done, fail) => {
      const child = spawn(tool.program(), argv, { ...options, stdio: 'ignore' });
      child.on('exit', (code) =>
        code === 0 ? done() : fail(new Error(`${argv.join(' ')} ended with ${code}`)),
      );
    });
  for (const argv of tool.begin) run(argv);
  const floorMs = median(await Promise.all([1, 2, 3].map(() => timed(() => emptyNode(world)))));
  const ms = await timed(() => tool.fill(run, file, directory));
  if (tool.firstId === undefined)
    figures.push(against(`import of ${ISSUES}`, tool.name, [ms], [floorMs]));
  return { ...tool, options, run, start, id: tool.firstId?.(run) ?? LOOKED_AT };
}

function against(work, name, times, floors) {
  const [ms, floorMs] = [median(times), median(floors)];
  return figure({ name: `${work}: ${name}`, ms, floorMs, floor: 'node -e 0' });
}

function newBug(number) {
  return ['bug', 'new', '-t', `Issue ${number}`, '-m', `About the ${WORD}`, '--non-interactive'];
}

function emptyNode({ env }) {
  spawnSync(process.execPath, ['-e', '0'], { env });
}

function onPath(name) {
  const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
