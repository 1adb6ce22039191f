import type { Option } from 'commander';
import { expect, test } from 'vitest';
import { COMMANDS, Program } from '../../src/cli/program.ts';
import { isLocal, readCommandLine } from '../../src/client/command-line.ts';

test.each<[string[], string | undefined]>([
  [['show', 'x'], 'show'],
  [['--json', 'list'], 'list'],
  [['--db', '/x/init', 'list'], 'list'],
  [['--db=/x/init', 'list'], 'list'],
  [['--actor', 'daemon', 'create', 'init'], 'create'],
  [['-C', 'mcp', 'ready'], 'ready'],
  [['--db'], undefined],
  [[], undefined],
])('%j runs %s', (argv, command) => {
  expect(readCommandLine(argv).command).toBe(command);
});

test.each([
  [['init'], true],
  [['merge', 'list', 'show', 'ready'], true],
  [['daemon', 'start'], true],
  [['daemons', 'health'], true],
  [['mcp'], true],
  [['version'], true],
  [['--version'], true],
  [['-V'], true],
  [['help', 'create'], true],
  [['--help'], true],
  [[], true],
  [['create', 'init'], false],
  [['list', '--version'], false],
])('%j is local: %s', (argv, expected) => {
  expect(isLocal(readCommandLine(argv))).toBe(expected);
});

test('flags count before and after the command, up to --', () => {
  expect(readCommandLine(['--no-daemon', 'list', '--json'])).toMatchObject({
    refusesDaemon: true,
    wantsJson: true,
  });
  expect(readCommandLine(['list', '--sandbox', '--db', '/a', '--db=/b'])).toMatchObject({
    refusesDaemon: true,
    database: '/b',
  });
  expect(readCommandLine(['create', '--', '--no-daemon', '--json'])).toMatchObject({
    refusesDaemon: false,
    wantsJson: false,
  });
});

test('a boolean flag can be taken back', () => {
  expect(readCommandLine(['--no-daemon=false', 'list']).refusesDaemon).toBe(false);
  expect(readCommandLine(['--json', 'list', '--json=false']).wantsJson).toBe(false);
});

test('what the client knows of the command line agrees with the commands themselves', () => {
  const local = COMMANDS.filter(({ runsLocally }) => runsLocally === true);
  for (const command of COMMANDS) {
    for (const name of [command.name, ...(command.aliases ?? [])]) {
      expect(
        isLocal(readCommandLine([name])),
        `List ${name} in LOCAL_COMMANDS of client/command-line.ts if, and only if, it has \`runsLocally\`.`,
      ).toBe(local.includes(command));
    }
  }
  for (const { short, long, required } of globalOptions()) {
    for (const flag of [short, long].filter((each) => each !== undefined)) {
      expect(
        readCommandLine([flag, 'value', 'list']).command,
        `List ${flag} in VALUE_FLAGS of client/command-line.ts if, and only if, it takes a value.`,
      ).toBe(required ? 'list' : 'value');
    }
  }
});

function globalOptions(): readonly Option[] {
  return new Program().root.options;
}
