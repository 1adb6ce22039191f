import { BdError } from '../../core/errors.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import { alignColumns } from '../output/columns.ts';
import { issueCells } from '../output/issue-rows.ts';
import { renderDependencyTree } from '../output/tree-text.ts';

const addCommand: CommandDefinition = {
  name: 'add',
  parameters: '[id] [depends-on]',
  about: 'Make an issue depend on another',
  flags: [
    ['-t, --type <type>', 'blocks (default), parent-child, related, discovered-from, …'],
    ['--blocked-by <id>', 'what it depends on, instead of as an argument'],
    ['--depends-on <id>', ''],
  ],
  run: addDependency,
};

const removeCommand: CommandDefinition = {
  name: 'remove',
  aliases: ['rm'],
  parameters: '<id> <depends-on>',
  about: 'Remove a dependency',
  flags: [['-t, --type <type>', '']],
  async run({ args: [id = '', target = ''], call, actor, confirm }) {
    const edge = { issue_id: id, depends_on_id: target };
    const removed = await call('remove_dependency', { ...edge, actor });
    confirm({
      json: { status: 'removed', ...removed },
      text: `${removed.issue_id} no longer depends on ${removed.depends_on_id}\n`,
    });
  },
};

const listCommand: CommandDefinition = {
  name: 'list',
  parameters: '<id>',
  about: 'List what an issue depends on, or what depends on it',
  flags: [
    ['--direction <direction>', 'down (default): what it depends on; up: what depends on it; both'],
    ['-t, --type <type>', 'dependencies of this type'],
  ],
  async run({ args: [id = ''], flags, call, screen, print }) {
    const { dependencies } = await call('list_dependencies', {
      issue_id: id,
      direction: flags.choice('direction', ['down', 'up', 'both']),
      type: flags.text('type'),
    });
    const rows = dependencies.map((issue) => [issue.dependency_type, ...issueCells(issue, screen)]);
    print({ json: dependencies, text: alignColumns(rows, screen) || 'No dependencies.\n' });
  },
};

const treeCommand: CommandDefinition = {
  name: 'tree',
  parameters: '<id>',
  about: 'Show the dependencies of an issue as a tree',
  flags: [
    ['-d, --max-depth <levels>', 'maximum depth (default: 50)'],
    ['--direction <direction>', 'down (default), up or both'],
    ['--reverse', 'what depends on it: the same as --direction up'],
    ['-t, --type <type>', 'dependencies of this type'],
    ['--status <status>', 'issues in this status'],
    ['--show-all-paths', 'an issue again on each path that leads to it'],
  ],
  async run({ args: [id = ''], flags, call, screen, print }) {
    const direction = flags.choice('direction', ['down', 'up', 'both']);
    const { nodes } = await call('dependency_tree', {
      issue_id: id,
      direction: flags.has('reverse') ? 'up' : direction,
      depth_max: flags.number('max-depth'),
      type: flags.text('type'),
      status: flags.text('status'),
      all_paths: flags.isSet('show-all-paths'),
    });
    print({ json: nodes, text: renderDependencyTree(nodes, screen) });
  },
};

const cyclesCommand: CommandDefinition = {
  name: 'cycles',
  about: 'Find issues that block each other',
  async run({ call, print }) {
    const { cycles } = await call('dependency_cycles', {});
    const text = cycles.map((issues) => `${issues.map(({ id }) => id).join(' -> ')}\n`).join('');
    print({ json: cycles, text: text || 'No cycles.\n' });
  },
};

export const depCommand: CommandDefinition = {
  name: 'dep',
  parameters: '[id]',
  about: 'Manage dependencies between issues',
  flags: [['-b, --blocks <id>', 'make that issue depend on this one']],
  subcommands: [addCommand, removeCommand, listCommand, treeCommand, cyclesCommand],
  run: blockOther,
};

async function addDependency({ args, flags, call, actor, confirm }: Invocation): Promise<void> {
  const [id, ...targets] = [...args, ...(flags.list('blocked-by', 'depends-on') ?? [])];
  const [target] = targets;
  if (id === undefined || target === undefined || targets.length > 1) {
    throw new BdError('USAGE', {
      message: 'dep add takes two issues',
      remedy: 'Write `bd dep add bd-a1 bd-b2`: the first depends on the second.',
    });
  }
  const params = { issue_id: id, depends_on_id: target, type: flags.text('type'), actor };
  const { changed, ...edge } = await call('add_dependency', params);
  const again = changed ? 'now depends on' : 'already depends on';
  confirm({
    json: { status: changed ? 'added' : 'unchanged', ...edge },
    text: `${edge.issue_id} ${again} ${edge.depends_on_id} (${edge.type})\n`,
  });
}

/** `bd dep X --blocks Y`: the same edge, said from its other end. */
async function blockOther({ args, flags, call, actor, confirm }: Invocation): Promise<void> {
  const [blocker] = args;
  const blocked = flags.text('blocks');
  if (blocker === undefined || blocked === undefined) {
    throw new BdError('USAGE', {
      message: 'bd dep needs a subcommand, or an issue and --blocks',
      remedy: 'Use `bd dep add|remove|list|tree|cycles`, or `bd dep bd-a1 --blocks bd-b2`.',
    });
  }
  const params = { issue_id: blocked, depends_on_id: blocker, actor };
  const { changed, ...edge } = await call('add_dependency', params);
  confirm({
    json: {
      status: changed ? 'added' : 'unchanged',
      blocker_id: edge.depends_on_id,
      blocked_id: edge.issue_id,
      type: edge.type,
    },
    text: `${edge.depends_on_id} ${changed ? 'now' : 'already'} blocks ${edge.issue_id}\n`,
  });
}
