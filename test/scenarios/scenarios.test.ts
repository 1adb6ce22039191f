import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createBdWithDaemonHere } from '../support/in-process-bd.ts';
import { createTestWorkspace, type RunBd } from '../support/test-workspace.ts';
import {
  normalise,
  parseScenario,
  parseShellLine,
  renderScenario,
  renderStep,
  type Scenario,
  type Step,
} from './scenario.ts';

const isUpdating = process.env['UPDATE_SCENARIOS'] === '1';

/** The client that runs all scenarios; without one, only those with `process` in their setup leave this process. */
const CLIENT = process.env['BD_TEST_CLIENT'];

const MODES = { daemon: {}, direct: { BEADS_NO_DAEMON: '1' } } as const;

const scenarios = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.txt'))
  .map((name) => {
    const path = join(import.meta.dirname, name);
    const scenario = parseScenario(readFileSync(path, 'utf8'));
    const where = needsProcess(scenario) ? ' in processes' : '';
    return { name: `${name}${where}`, path, scenario };
  });

describe.each(scenarios)('$name', ({ path, scenario }) => {
  const modes = scenario.setup.includes('daemon')
    ? (['daemon'] as const)
    : (['daemon', 'direct'] as const);

  test.each(modes)('does what it says, in %s mode', async (mode) => {
    const outcome = await perform(scenario, MODES[mode]);
    if (isUpdating && mode === 'daemon') writeFileSync(path, renderScenario(outcome));
    const expected = parseScenario(readFileSync(path, 'utf8'));
    expect(text(outcome)).toBe(text(expected));
  });
});

function needsProcess({ setup }: Scenario): boolean {
  return setup.includes('process') || CLIENT !== undefined;
}

function text(scenario: Scenario): string {
  return steps(scenario).flatMap(renderStep).join('\n');
}

function steps({ parts }: Scenario): Step[] {
  return parts.filter((part) => typeof part !== 'string');
}

/** The same scenario with what really came of each step. */
async function perform(scenario: Scenario, modeEnv: Record<string, string>): Promise<Scenario> {
  const git = ['none', 'with-remote'].find((name) => scenario.setup.includes(name)) ?? 'plain';
  await using workspace = await createTestWorkspace({
    git: git as 'none' | 'plain' | 'with-remote',
  });
  await using inProcess = createBdWithDaemonHere(workspace);
  const program = CLIENT === undefined ? {} : { program: CLIENT };
  const bd: RunBd = (args, options = {}) => {
    const env = { ...modeEnv, ...options.env };
    return needsProcess(scenario)
      ? workspace.bd(args, { ...program, ...options, env })
      : inProcess.run(args, { ...options, env });
  };
  if (!scenario.setup.includes('empty')) {
    const { exitCode, stderr } = await bd(['init', '--prefix', 't', '--quiet']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  }
  const variables = new Map([['DIR', workspace.directory]]);
  const source = steps(scenario)
    .flatMap(({ command, stdin }) => [command, ...stdin])
    .join('\n');
  const parts: Scenario['parts'] = [];
  for (const part of scenario.parts) {
    parts.push(
      typeof part === 'string'
        ? part
        : await performStep(part, { bd, directory: workspace.directory, variables, source }),
    );
  }
  return { ...scenario, parts };
}

async function performStep(
  step: Step,
  {
    bd,
    directory,
    variables,
    source,
  }: {
    bd: RunBd;
    directory: string;
    variables: Map<string, string>;
    /** Everything that is typed: ids in it are no random ones. */
    source: string;
  },
): Promise<Step> {
  const { capture, env, words } = parseShellLine(step.command, variables);
  const [program, ...args] = words;
  const stdin = step.stdin.map((line) => `${line}\n`).join('');
  if (program === 'write') {
    writeFileSync(join(directory, args[0] ?? ''), stdin);
    return { ...step, expected: [] };
  }
  if (program !== 'bd') throw new Error(`a scenario runs bd, not "${step.command}"`);
  const run = await bd(args, { stdin, env });
  if (capture !== undefined) variables.set(capture, run.stdout.trim());
  const stdout = capture === undefined ? outputLines(run.stdout) : [];
  const stderr = outputLines(run.stderr).map((line) => `stderr: ${line}`);
  const exit = run.exitCode === 0 ? [] : [`exit: ${run.exitCode}`];
  return {
    ...step,
    expected: [...stdout, ...stderr, ...exit].map((line) =>
      normalise(line, { variables, source }).trimEnd(),
    ),
  };
}

function outputLines(output: string): string[] {
  return output === '' ? [] : output.replace(/\n$/, '').split('\n');
}
