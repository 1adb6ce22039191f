import type { CommandDefinition } from '../command.ts';
import { omitUndefined } from '../../core/omit-undefined.ts';
import { forEachId } from '../issue-ids.ts';
import { renderIssueChanges } from '../output/issue-changes.ts';

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
