import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';
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

const MODES = { daemon: {}, direct: { BEADS_NO_DAEMON: '1' } } as const;

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.txt'));

describe.each(files)('%s', (file) => {
  const path = join(import.meta.dirname, file);
  const scenario = parseScenario(readFileSync(path, 'utf8'));
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
  if (!scenario.setup.includes('empty')) {
    await workspace.bdText(['init', '--prefix', 't', '--quiet'], { env: modeEnv });
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
        : await performStep(part, { workspace, variables, modeEnv, source }),
    );
  }
  return { ...scenario, parts };
}

async function performStep(
  step: Step,
  {
    workspace,
    variables,
    modeEnv,
    source,
  }: {
    workspace: TestWorkspace;
    variables: Map<string, string>;
    modeEnv: Record<string, string>;
    /** Everything that is typed: ids in it are no random ones. */
    source: string;
  },
): Promise<Step> {
  const { capture, env, words } = parseShellLine(step.command, variables);
  const [program, ...args] = words;
  const stdin = step.stdin.map((line) => `${line}\n`).join('');
  if (program === 'write') {
    writeFileSync(join(workspace.directory, args[0] ?? ''), stdin);
    return { ...step, expected: [] };
  }
  if (program !== 'bd') throw new Error(`a scenario runs bd, not "${step.command}"`);
  const run = await workspace.bd(args, { stdin, env: { ...modeEnv, ...env } });
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
