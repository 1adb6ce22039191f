import { BdError } from '../../core/errors.ts';
import type { Params, Result } from '../../protocol/methods.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import { FIELD_FLAGS, readFieldFlags } from '../field-flags.ts';
import { omitUndefined } from '../../core/omit-undefined.ts';
import { changeEach, requireTitle } from '../issue-arguments.ts';

const EXAMPLE = 'bd update bd-a1 --title "Rotate the signing key"';

type Changes = Params<'update_issue'>['changes'];

export const updateCommand: CommandDefinition = {
  name: 'update',
  parameters: '[ids...]',
  about: 'Change issues; an empty text clears a field',
  flags: [
    ['--claim', 'assign it to you and set it in progress, unless it is taken'],
    ['-s, --status <status>', 'open, in_progress, blocked, deferred, closed, pinned or hooked'],
    ['--title <text>', 'the title'],
    ...FIELD_FLAGS,
    ['--append-notes <text>', 'add to the notes'],
    ['--add-label <label>', 'add labels'],
    ['--remove-label <label>', 'remove labels'],
    ['--set-labels <labels>', 'exactly these labels'],
    ['--parent <id>', 'move it below this issue; empty: below none'],
    ['--session <id>', 'who closes it, with --status closed'],
    ['--ephemeral', 'short-lived: never shown as ready work'],
    ['--persistent', 'share it'],
  ],
  async run(invocation) {
    const { flags } = invocation;
    const changes = await readChanges(invocation);
    if (!flags.has('claim') && Object.keys(changes).length === 0) {
      throw new BdError('USAGE', {
        message: 'nothing to update',
        remedy: 'Say what to change, such as --status in_progress or --priority 1.',
      });
    }
    return await changeEach(invocation, {
      change: (id) => updateOne(invocation, id, changes),
      answer: (done) => ({
        json: done.map(({ issue }) => issue),
        text: done.map(renderUpdated).join(''),
      }),
    });
  },
};

type Updated = Pick<Result<'update_issue'>, 'issue' | 'changed'>;

async function updateOne(
  { flags, call, actor }: Invocation,
  id: string,
  changes: Changes,
): Promise<Updated> {
  const params = { issue_id: id, actor };
  const claim = flags.has('claim') ? await call('claim_issue', params) : undefined;
  const claimed = claim?.changed === true ? ['claimed'] : [];
  if (claim !== undefined && Object.keys(changes).length === 0) {
    return { issue: claim.issue, changed: claimed };
  }
  const { issue, changed } = await call('update_issue', { ...params, changes });
  return { issue, changed: [...claimed, ...changed] };
}

async function readChanges({ flags, io }: Invocation): Promise<Changes> {
  const title = flags.text('title');
  return omitUndefined({
    title: title === undefined ? undefined : requireTitle(title, EXAMPLE),
    ...(await readFieldFlags(flags, io)),
    status: flags.text('status'),
    append_notes: flags.text('append-notes'),
    add_labels: flags.list('add-label'),
    remove_labels: flags.list('remove-label'),
    set_labels: flags.list('set-labels'),
    parent: flags.text('parent'),
    session: flags.text('session'),
    ephemeral: flags.has('persistent') ? false : flags.isSet('ephemeral'),
  });
}

function renderUpdated({ issue, changed }: Updated): string {
  return changed.length === 0
    ? `${issue.id} unchanged\n`
    : `Updated ${issue.id}: ${changed.join(', ')}\n`;
}
