import { expect, test } from 'vitest';
import type { CommandIo } from '../../src/cli/command-io.ts';
import { Program, programFor } from '../../src/cli/program.ts';

/** A tree that has run nothing yet, or these lines. */
function program(...lines: string[][]) {
  const whole = new Program();
  const run = (...argv: string[]) => {
    let stdout = '';
    const io = { columns: 0, stdout: (text: string) => (stdout += text) } as unknown as CommandIo;
    whole.prepare(argv);
    const line = whole.parse(argv, io);
    return { line, stdout };
  };
  for (const argv of lines) run(...argv);
  return run;
}

const BEFORE = [
  ['dep', 'add', 'a', 'b', '--type', 'related'],
  ['list', '--json', '--limit', '3', '--label', 'x'],
  ['update', 'a', '--title', 'new'],
  ['--help'],
];

test('nothing of one command line is left in the next', () => {
  const line = program(...BEFORE)('list', '--limit', '5').line;
  expect(line?.name).toBe('bd list');
  expect(line?.args).toEqual([]);
  expect([...(line?.flags ?? [])]).toEqual([['limit', ['5']]]);
});

test('what one command line gave is kept while the next is parsed', () => {
  const run = program();
  const first = run('show', 'a', 'b', '--json').line;
  run('show', 'c');
  expect(first?.args).toEqual(['a', 'b']);
  expect([...(first?.flags.keys() ?? [])]).toEqual(['json']);
});

test.each([[['--help']], [['dep', '--help']], [['help', 'dep']], [['list', '--help']]])(
  'the help of %j is the same whatever ran before',
  (argv) => {
    const help = program()(...argv);
    expect(help).toEqual({ line: undefined, stdout: expect.stringMatching(/^Usage: bd/) });
    expect(program(...BEFORE)(...argv)).toEqual(help);
  },
);

test('an unknown flag and a missing subcommand are refused each time', () => {
  const run = program(...BEFORE);
  for (let time = 0; time < 2; time += 1) {
    expect(() => run('list', '--nonsense')).toThrow(/unknown option '--nonsense'/);
    expect(() => run('epic')).toThrow(/bd epic needs a subcommand/);
  }
  expect(run('list').line?.name).toBe('bd list');
});

test.each([
  [['list', '--json'], 'list'],
  [['--actor', 'init', 'view', 'x'], 'show'],
  [['--json', 'dep', 'add', 'list', 'show'], 'dep'],
])('%j gets the branch of its command only', (argv, name) => {
  expect(programFor(argv).root.commands.map((each) => each.name())).toEqual([name]);
});

test.each([
  [[]],
  [['nonsense', 'list']],
  [['help', 'list']],
  [['list', '--help']],
  [['--', 'list']],
])('%j gets the whole tree', (argv) => {
  expect(programFor(argv).root.commands.length).toBeGreaterThan(20);
});
