import { BdError } from '../../core/errors.ts';
import type { IssueJson } from '../../core/issue-line.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import { FIELD_FLAGS, readFieldFlags } from '../field-flags.ts';
import type { Flags } from '../flags.ts';
import { requireTitle } from '../issue-arguments.ts';
import { oneLine } from '../output/printable.ts';

export const createCommand: CommandDefinition = {
  name: 'create',
  aliases: ['new'],
  parameters: '[title...]',
  about: 'Create an issue',
  flags: [
    ['--title <text>', 'the title, instead of as an argument'],
    ...FIELD_FLAGS,
    ['-l, --labels <labels>', 'labels, separated by commas'],
    ['--label <label>', ''],
    ['--id <id>', 'this id instead of a random one'],
    ['--parent <id>', 'make it a child of this issue'],
    ['--deps <dependencies>', 'what it depends on: bd-a1, discovered-from:bd-b2'],
    ['--waits-for <id>', ''],
    ['--ephemeral', 'short-lived: never shown as ready work'],
    ['--dry-run', 'show the issue without creating it'],
    ['--silent', 'print the id only'],
    ['--force', ''],
  ],
  async run(invocation) {
    const { flags, call, actor, print, confirm, isJson } = invocation;
    const params = { issue: await readNewIssue(invocation), actor };
    if (flags.has('dry-run')) {
      const { issue } = await call('preview_issue', params);
      print({ json: issue, text: `Would create:\n${summary(issue)}` });
      return;
    }
    const { issue } = await call('create_issue', params);
    if (flags.has('silent') && !isJson) print({ json: issue, text: `${issue.id}\n` });
    else confirm({ json: issue, text: `Created issue: ${issue.id}\n${summary(issue)}` });
  },
};

async function readNewIssue({ args, flags, io }: Invocation) {
  return {
    title: readTitle(args, flags.text('title')),
    ...(await readFieldFlags(flags, io)),
    labels: flags.list('labels', 'label'),
    id: flags.text('id'),
    parent: flags.text('parent'),
    dependencies: readDependencies(flags),
    ephemeral: flags.isSet('ephemeral'),
  };
}

function readTitle(args: readonly string[], flag: string | undefined): string {
  const [argument] = args;
  if (args.length > 1) {
    throw new BdError('USAGE', {
      message: `the title is in ${args.length} parts: ${args.join(' ')}`,
      remedy: `Put it in quotes: \`bd create "${args.join(' ')}"\`.`,
    });
  }
  if (argument !== undefined && flag !== undefined && argument !== flag) {
    throw new BdError('USAGE', {
      message: `two titles are given: "${argument}" and "${flag}"`,
      remedy: 'Give the title once, as an argument or with --title.',
    });
  }
  return requireTitle(argument ?? flag ?? '', 'bd create "Rotate the signing key"');
}

function readDependencies(flags: Flags): string[] | undefined {
  const awaited = flags.list('waits-for')?.map((id) => `waits-for:${id}`) ?? [];
  const dependencies = [...(flags.list('deps') ?? []), ...awaited];
  return dependencies.length === 0 ? undefined : dependencies;
}

function summary({ priority, issue_type: type, title }: Omit<IssueJson, 'id'>): string {
  return `  P${priority}  ${type}  ${oneLine(title)}\n`;
}

export const quickCommand: CommandDefinition = {
  name: 'q',
  parameters: '[title...]',
  about: 'Create an issue and print its id only',
  flags: [
    ['-p, --priority <priority>', '0 (most urgent) to 4, or P0 to P4'],
    ['-t, --type <type>', 'bug, feature, task, epic, chore or decision'],
    ['-l, --labels <labels>', 'labels, separated by commas'],
  ],
  async run({ args, flags, call, actor, print }) {
    const issue = {
      title: requireTitle(args.join(' '), 'bd q Rotate the signing key'),
      priority: flags.priority('priority'),
      issue_type: flags.text('type'),
      labels: flags.list('labels'),
    };
    const created = await call('create_issue', { issue, actor });
    print({ json: created.issue, text: `${created.issue_id}\n` });
  },
};
