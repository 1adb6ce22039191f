import type { CommandDefinition } from '../command.ts';
import { changeEach } from '../issue-arguments.ts';
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
  run(invocation) {
    const { flags, call, actor, screen } = invocation;
    const params = {
      reason: flags.text('reason', 'resolution', 'message'),
      session: flags.text('session'),
      force: flags.isSet('force'),
      actor,
    };
    return changeEach(invocation, {
      change: (id) => call('close_issue', { issue_id: id, ...params }),
      answer(done) {
        const words = { changed: 'Closed', unchanged: 'is closed already' };
        const { json: closed, text } = renderIssueChanges(done, words);
        const unblocked = flags.has('suggest-next') ? done.flatMap((each) => each.unblocked) : [];
        const next = unblocked.map((issue) => `  now ready: ${renderIssueLine(issue, screen)}\n`);
        // The plain list when nothing became ready, as classic clients expect.
        const json = unblocked.length === 0 ? closed : { closed, unblocked };
        return { json, text: [text, ...next].join('') };
      },
    });
  },
};

export const reopenCommand: CommandDefinition = {
  name: 'reopen',
  parameters: '[ids...]',
  about: 'Open closed issues again',
  flags: [['-r, --reason <text>', 'why; it becomes a comment']],
  run(invocation) {
    const { flags, call, actor } = invocation;
    const params = { reason: flags.text('reason'), actor };
    return changeEach(invocation, {
      change: (id) => call('reopen_issue', { issue_id: id, ...params }),
      answer: (done) =>
        renderIssueChanges(done, { changed: 'Reopened', unchanged: 'is not closed' }),
    });
  },
};
