import { join } from 'node:path';
import { findAnyIssue } from './find-issue.ts';
import { filesKeptAside } from './kept-aside.ts';
import { issuesInConflict, openConflicts } from './open-conflicts.ts';
import type { Operations } from './operation.ts';

export const conflictOperations: Operations<'list_conflicts'> = {
  list_conflicts(workspace, { issue_id: text }) {
    const ids =
      text === undefined ? issuesInConflict(workspace) : [findAnyIssue(workspace, text).id];
    // Nobody can tell of which issue a line is that cannot be read.
    const files = text === undefined ? filesKeptAside(workspace) : [];
    return {
      conflicts: ids.flatMap((id) => openConflicts(workspace, id).map(({ json }) => json)),
      kept_aside: files.map((name) => join(workspace.place.quarantineDirectory, name)),
    };
  },
};
