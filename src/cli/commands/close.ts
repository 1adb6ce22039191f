import type { CommandDefinition, Invocation } from '../command.ts';
import { whenGiven } from '../filter-flags.ts';
import { omitUndefined } from '../../core/omit-undefined.ts';
import { forEachId } from '../issue-arguments.ts';
import { renderIssueChanges, renderIssueLine } from '../output/issue-rows.ts';

export const closeCommand: CommandDefinition = {
  name: 'close',
  parameters: '[ids...]',
  about: 'Close issues',
  flags: [
    ['-r, --reason <text>', 'why it is done (default: Closed)'],
    ['--resolution <text>', ''],
    ['-m, --message <text>', ''],
    ['-f, --force', 'also when it waits for open issues'],
    ['--suggest-next', 'show what became ready by it'],
    ['--session <id>', 'which session closed it'],
  ],
  run: close,
};

async function close(invocation: Invocation): Promise<number> {
  const { args, flags, call, actor, screen, confirm } = invocation;
  const params = omitUndefined({
    reason: flags.text('reason', 'resolution', 'message'),
    session: flags.text('session'),
    force: whenGiven(flags, 'force'),
    actor,
  });
  const { done, exitCode } = await forEachId(invocation, args, (id) =>
    call('close_issue', { issue_id: id, ...params }),
  );
  if (done.length === 0) return exitCode;
  const closed = done.map(({ issue }) => issue);
  const unblocked = flags.has('suggest-next') ? done.flatMap((each) => each.unblocked) : [];
  const next = unblocked.map((issue) => `  now ready: ${renderIssueLine(issue, screen)}\n`);
  confirm({
    // The plain list when nothing became ready, as classic clients expect.
    json: unblocked.length === 0 ? closed : { closed, unblocked },
    text: [
      renderIssueChanges(done, { changed: 'Closed', unchanged: 'is closed already' }),
      ...next,
    ].join(''),
  });
  return exitCode;
}

export const reopenCommand: CommandDefinition = {
  name: 'reopen',
  parameters: '[ids...]',
  about: 'Open closed issues again',
  flags: [['-r, --reason <text>', 'why; it becomes a comment']],
  async run(invocation) {
    const { args, flags, call, actor, confirm } = invocation;
    const params = omitUndefined({ reason: flags.text('reason'), actor });
    const { done, exitCode } = await forEachId(invocation, args, (id) =>
      call('reopen_issue', { issue_id: id, ...params }),
    );
    if (done.length === 0) return exitCode;
    confirm({
      json: done.map(({ issue }) => issue),
      text: renderIssueChanges(done, { changed: 'Reopened', unchanged: 'is not closed' }),
    });
    return exitCode;
  },
};
