import { restoreWrite } from '../../core/causal/write.ts';
import { issueToJson } from '../../core/issue-line.ts';
import {
  isDeleted,
  LONG_TEXTS,
  TOMBSTONE,
  type Dependency,
  type Issue,
  type LongText,
} from '../../core/issue.ts';
import { findAnyIssue, findIssueId } from './find-issue.ts';
import { edit, type Edits, type ReadableWorkspace } from './operation.ts';
import { textVersions } from './open-conflicts.ts';

/** A deleted issue stays as a tombstone with its content, so that no clone brings it back. */
export const deleteOperations: Edits<'delete_issues' | 'restore_issue'> = {
  delete_issues: (workspace, params) =>
    edit(workspace, params, ({ actor, now, put }) => {
      const { cascade = false, dry_run: dryRun = false, reason = 'delete' } = params;
      const named = [...new Set(params.issue_ids.map((text) => findIssueId(workspace, text)))];
      const ids = cascade ? withDescendants(workspace, named) : named;
      const gone = new Set(ids);
      const neighbours = new Set(ids.flatMap((id) => neighboursOf(workspace, id)));
      let edges = 0;
      let references = 0;
      for (const id of neighbours) {
        const before = workspace.store.issues.get(id);
        if (before === undefined || gone.has(id)) continue;
        const after = withoutMentions(before, { gone, texts: decidedTexts(workspace, id) });
        edges += (before.dependencies?.length ?? 0) - after.dependencies.length;
        references += Number(LONG_TEXTS.some((field) => before[field] !== after[field]));
        if (!dryRun) put(after, 'updated');
      }
      for (const id of ids) {
        const issue = workspace.store.issues.get(id);
        edges += issue?.dependencies?.length ?? 0;
        if (issue === undefined || dryRun) continue;
        const tombstone = {
          ...issue,
          status: TOMBSTONE,
          deleted_at: now,
          deleted_by: actor,
          delete_reason: reason,
          original_type: issue.issue_type,
        };
        put(tombstone, 'deleted');
      }
      return {
        deleted: ids,
        dependencies_removed: edges,
        references_updated: references,
        dry_run: dryRun,
      };
    }),

  restore_issue: (workspace, params) =>
    edit(workspace, params, ({ change }) => {
      const issue = findAnyIssue(workspace, params.issue_id);
      if (!isDeleted(issue)) return { issue: issueToJson(issue), changed: false };
      const { edits } = workspace.store;
      const restored = edits.write(issue.id, [restoreWrite()], change('restored'));
      return { issue: issueToJson(restored), changed: true };
    }),
};

function withDescendants(workspace: ReadableWorkspace, roots: readonly string[]): string[] {
  const ids = new Set(roots);
  for (const id of ids) for (const child of workspace.store.graph.children(id)) ids.add(child);
  return [...ids];
}

function neighboursOf(workspace: ReadableWorkspace, id: string): string[] {
  const { graph } = workspace.store;
  return [
    ...graph.edges(id, 'up').map((edge) => edge.issue_id),
    ...graph.edges(id, 'down').map((edge) => edge.depends_on_id),
  ];
}

/** The texts that are not in conflict: writing one that is would settle the conflict. */
function decidedTexts(workspace: ReadableWorkspace, id: string): LongText[] {
  return LONG_TEXTS.filter((field) => textVersions(workspace, id, field).length < 2);
}

/** Without edges to the deleted issues, and with `[deleted:<id>]` where a text names one. */
function withoutMentions(
  issue: Issue,
  { gone, texts }: { gone: ReadonlySet<string>; texts: readonly LongText[] },
): Issue & { dependencies: Dependency[] } {
  const edges = (issue.dependencies ?? []).filter((edge) => !gone.has(edge.depends_on_id));
  const after = { ...issue, dependencies: edges };
  for (const field of texts) {
    const text = issue[field];
    if (text !== undefined) {
      after[field] = text.replace(ID_IN_TEXT, (id) => (gone.has(id) ? `[deleted:${id}]` : id));
    }
  }
  return after;
}

/** Whole ids only: `bd-a1` is not named by `bd-a12`, nor by `bd-a1.2`. A final dot ends a sentence. */
const ID_IN_TEXT = /(?<![\w.:-])[A-Za-z0-9_][\w-]*(?:\.\w+)*(?![\w-])/g;
