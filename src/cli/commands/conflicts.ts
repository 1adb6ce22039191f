import { BdError } from '../../core/errors.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import { readFieldValue } from '../field-value.ts';
import { omitUndefined } from '../../core/omit-undefined.ts';
import {
  renderConflictRows,
  renderConflicts,
  renderKeptAside,
  renderSettled,
} from '../output/conflict-text.ts';
import { oneLine } from '../output/printable.ts';

export const conflictsCommand: CommandDefinition = {
  name: 'conflicts',
  about: 'List what was edited in two places at once and is to be decided',
  subcommands: [
    {
      name: 'show',
      parameters: '<id>',
      about: 'Show every value of what is in conflict in an issue',
      run: showConflicts,
    },
    {
      name: 'resolve',
      parameters: '<id> <field>',
      about: 'Decide what a field is to be',
      flags: [
        ['--take <which>', 'winner (what is shown), other, or a number of `bd conflicts show`'],
        ['--value <value>', 'a new value'],
        ['--merge', 'the lines of all, for long texts'],
      ],
      run: resolveConflict,
    },
  ],
  async run({ call, screen, print }) {
    const answer = await call('list_conflicts', {});
    const { conflicts, kept_aside: files } = answer;
    const rows = conflicts.length === 0 ? 'No conflicts.\n' : renderConflictRows(conflicts, screen);
    print({ json: answer, text: rows + renderKeptAside(files) });
  },
};

async function showConflicts({ args, call, screen, print }: Invocation): Promise<void> {
  const [id = ''] = args;
  const { conflicts } = await call('list_conflicts', { issue_id: id });
  const [first] = conflicts;
  print({
    json: conflicts,
    text:
      first === undefined
        ? `Nothing of ${oneLine(id)} is in conflict.\n`
        : `${screen.bold(first.issue_id)}  ${screen.bold(oneLine(first.title))}\n\n${renderConflicts(conflicts, screen)}`,
  });
}

async function resolveConflict(invocation: Invocation): Promise<void> {
  const { args, flags, call, actor, confirm, nowMs, io } = invocation;
  const [id = '', field = ''] = args;
  const text = flags.text('value');
  const choices = ['take', 'value', 'merge'].filter((name) => flags.has(name));
  if (choices.length !== 1) {
    throw new BdError('USAGE', {
      message: `${choices.length === 0 ? 'none' : 'several'} of --take, --value and --merge given`,
      remedy: 'Use one of them; `bd conflicts show` shows what there is to take.',
    });
  }
  const answer = await call(
    'resolve_conflict',
    omitUndefined({
      issue_id: id,
      field,
      take: flags.text('take'),
      value:
        text === undefined
          ? undefined
          : readFieldValue(field, text, { nowMs, timeZone: io.env['TZ'] }),
      merge: flags.has('merge') ? true : undefined,
      actor,
    }),
  );
  confirm({ json: answer, text: renderSettled(answer) });
}
