import { BdError } from '../../core/errors.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import {
  renderConflictRows,
  renderConflicts,
  renderKeptAside,
  renderSettled,
} from '../output/conflict-text.ts';
import { oneLine } from '../output/printable.ts';
import { kindOf, keyOfField } from '../../core/causal/field-key.ts';
import { parsePriority } from '../../core/issue.ts';
import { parseTimeArgument, type Now } from '../time-argument.ts';

export const conflictsCommand: CommandDefinition = {
  name: 'conflicts',
  about: 'List fields that were edited in two places at once',
  subcommands: [
    {
      name: 'show',
      parameters: '<id>',
      about: 'Show every value of the fields in conflict',
      run: showConflicts,
    },
    {
      name: 'resolve',
      parameters: '<id> <field>',
      about: 'Settle the value of a field',
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
  const { args, flags, call, actor, confirm, now } = invocation;
  const [id = '', field = ''] = args;
  const text = flags.text('value');
  const choices = ['take', 'value', 'merge'].filter((name) => flags.has(name));
  if (choices.length !== 1) {
    throw new BdError('USAGE', {
      message: `${choices.length === 0 ? 'none' : 'several'} of --take, --value and --merge given`,
      remedy: 'Use one of them; `bd conflicts show` shows what there is to take.',
    });
  }
  const answer = await call('resolve_conflict', {
    issue_id: id,
    field,
    take: flags.text('take'),
    value: text === undefined ? undefined : readFieldValue(field, text, now),
    merge: flags.isSet('merge'),
    actor,
  });
  confirm({ json: answer, text: renderSettled(answer) });
}

/** What `text` means as the value of a field; null, which clears it, is an empty one where that is no value. */
function readFieldValue(field: string, text: string, now: Now): unknown {
  switch (kindOf(keyOfField(field))) {
    case 'priority':
      return parsePriority(text) ?? wrong(field, text, 'Use 0 (most urgent) to 4, or P0 to P4.');
    case 'estimated_minutes':
      if (text === '') return null;
      return /^\d{1,7}$/.test(text) ? Number(text) : wrong(field, text, 'Give whole minutes.');
    case 'due_at':
    case 'defer_until':
      if (text === '') return null;
      return (
        parseTimeArgument(text, now) ??
        wrong(field, text, 'Use 2026-03-01, 2026-03-01T09:00:00Z, +3d, +2h, +1w or tomorrow.')
      );
    case 'ephemeral':
    case 'pinned':
    case 'is_template':
      if (text === 'true' || text === 'false') return text === 'true';
      return text === '' ? null : wrong(field, text, 'Use true or false.');
    case 'metadata':
    case 'member':
    case 'unknown':
      return text === '' ? null : readJson(field, text);
    default:
      return text;
  }
}

function readJson(field: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return wrong(field, text, 'Give JSON in quotes, such as \'{"team": "core"}\' or \'"core"\'.');
  }
}

function wrong(field: string, text: string, remedy: string): never {
  throw new BdError('INVALID_VALUE', { message: `invalid value "${text}" for ${field}`, remedy });
}
