import { BdError } from '../../core/errors.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import { changeEach } from '../issue-arguments.ts';
import { alignColumns } from '../output/columns.ts';
import { oneLine } from '../output/printable.ts';

export const labelCommand: CommandDefinition = {
  name: 'label',
  about: 'Manage labels',
  subcommands: [
    {
      name: 'add',
      parameters: '[ids-and-label...]',
      about: 'Add a label to issues',
      run: (invocation) =>
        changeLabels(invocation, 'add', {
          changed: (id, label) => `Added label ${label} to ${id}`,
          unchanged: (id, label) => `${id} has label ${label} already`,
        }),
    },
    {
      name: 'remove',
      aliases: ['rm'],
      parameters: '[ids-and-label...]',
      about: 'Remove a label from issues',
      run: (invocation) =>
        changeLabels(invocation, 'remove', {
          changed: (id, label) => `Removed label ${label} from ${id}`,
          unchanged: (id, label) => `${id} does not have label ${label}`,
        }),
    },
    {
      name: 'list',
      parameters: '<id>',
      about: 'List the labels of an issue',
      async run({ args: [id = ''], call, print }) {
        const { labels } = await call('list_labels', { issue_id: id });
        const text = labels.map((label) => `${oneLine(label)}\n`).join('');
        print({ json: labels, text: text || 'No labels.\n' });
      },
    },
    {
      name: 'list-all',
      about: 'List every label with the number of its issues',
      async run({ call, screen, print }) {
        const { labels } = await call('count_labels', {});
        const rows = labels.map(({ label, count }) => [oneLine(label), String(count)]);
        print({ json: labels, text: alignColumns(rows, screen) || 'No labels.\n' });
      },
    },
  ],
};

type Say = (id: string, label: string) => string;

async function changeLabels(
  invocation: Invocation,
  verb: 'add' | 'remove',
  say: { changed: Say; unchanged: Say },
): Promise<number> {
  const { args, call, actor } = invocation;
  const [ids, label] = [args.slice(0, -1), args.at(-1)];
  if (label === undefined || ids.length === 0) {
    throw new BdError('USAGE', {
      message: 'an issue and a label are needed',
      remedy: `Write \`bd label ${verb} bd-a1 urgent\`: the label comes last.`,
    });
  }
  const status = verb === 'add' ? 'added' : 'removed';
  return await changeEach(invocation, {
    ids,
    change: (id) => call(`${verb}_label`, { issue_id: id, label, actor }),
    answer: (done) => ({
      json: done.map((change) => ({ status, issue_id: change.issue_id, label: change.label })),
      text: done
        .map(({ issue_id: id, label: name, changed }) => {
          return `${say[changed ? 'changed' : 'unchanged'](id, oneLine(name))}\n`;
        })
        .join(''),
    }),
  });
}
