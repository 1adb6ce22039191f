import type { CommandDefinition } from '../command.ts';
import { omitUndefined } from '../../core/omit-undefined.ts';
import { requireTitle } from '../issue-title.ts';

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
    const title = requireTitle(args.join(' '), 'bd q Rotate the signing key');
    const issue = omitUndefined({
      title,
      priority: flags.priority('priority'),
      issue_type: flags.text('type'),
      labels: flags.list('labels'),
    });
    const created = await call('create_issue', omitUndefined({ issue, actor }));
    print({ json: created.issue, text: `${created.issue_id}\n` });
  },
};
