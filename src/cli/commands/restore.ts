import type { CommandDefinition } from '../command.ts';
import { omitUndefined } from '../../core/omit-undefined.ts';
import { forEachId } from '../issue-ids.ts';
import { renderIssueChanges } from '../output/issue-changes.ts';

export const restoreCommand: CommandDefinition = {
  name: 'restore',
  parameters: '[ids...]',
  about: 'Bring deleted issues back',
  async run(invocation) {
    const { args, call, actor, confirm } = invocation;
    const { done, exitCode } = await forEachId(invocation, args, (id) =>
      call('restore_issue', omitUndefined({ issue_id: id, actor })),
    );
    if (done.length === 0) return exitCode;
    confirm({
      json: done.map(({ issue }) => issue),
      text: renderIssueChanges(done, { changed: 'Restored', unchanged: 'is not deleted' }),
    });
    return exitCode;
  },
};
