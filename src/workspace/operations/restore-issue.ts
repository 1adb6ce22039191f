import { restoreWrite } from '../../core/causal/write.ts';
import { isDeleted } from '../../core/issue.ts';
import { issueToJson } from '../../core/issue-line.ts';
import { findAnyIssue } from './find-issue.ts';
import { actorOf, type Operations } from './operation.ts';

export const restoreOperations: Operations<'restore_issue'> = {
  async restore_issue(workspace, params) {
    const actor = await actorOf(workspace, params);
    return workspace.write(() => {
      const { store, clock } = workspace;
      const issue = findAnyIssue(workspace, params.issue_id);
      if (!isDeleted(issue)) return { issue: issueToJson(issue), changed: false };
      const change = { kind: 'restored', actor, origin: 'local', atMs: clock.nowMs() } as const;
      const restored = store.edits.write(issue.id, [restoreWrite()], change);
      return { issue: issueToJson(restored), changed: true };
    });
  },
};
