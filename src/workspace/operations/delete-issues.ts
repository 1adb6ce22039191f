import { restoreWrite } from '../../core/causal/write.ts';
import { issueToJson } from '../../core/issue-line.ts';
import { isDeleted, LONG_TEXTS, TOMBSTONE, type Issue, type LongText } from '../../core/issue.ts';
import { timestampAt } from '../../core/timestamp.ts';
import { findAnyIssue, findIssueId } from './find-issue.ts';
import {
  actorOf,
  type EditableWorkspace,
  type Operations,
  putEdited,
  type ReadableWorkspace,
} from './operation.ts';
import { textVersions } from './open-conflicts.ts';

/** A deleted issue stays as a tombstone with its content, so that no clone brings it back. */
export const deleteOperations: Operations<'delete_issues' | 'restore_issue', EditableWorkspace> = {
  async delete_issues(workspace, params) {
    const actor = await actorOf(workspace, params);
    const dryRun = params.dry_run === true;
    return workspace.write(() => {
      const named = [...new Set(params.issue_ids.map((text) => findIssueId(workspace, text)))];
      const ids = params.cascade === true ? withDescendants(workspace, named) : named;
      const gone = new Set(ids);
      const neighbours = new Set(ids.flatMap((id) => neighboursOf(workspace, id)));
      let edges = 0;
      let references = 0;
      for (const id of neighbours) {
        const before = workspace.store.issues.get(id);
        if (before === undefined || gone.has(id)) continue;
        const after = withoutMentions(before, { gone, texts: decidedTexts(workspace, id) });
        edges += (before.dependencies?.length ?? 0) - (after.dependencies?.length ?? 0);
        references += Number(LONG_TEXTS.some((field) => before[field] !== after[field]));
        if (!dryRun) putEdited(workspace, after, { kind: 'updated', actor });
      }
      for (const id of ids) {
        const issue = workspace.store.issues.get(id);
        edges += issue?.dependencies?.length ?? 0;
        if (issue === undefined || dryRun) continue;
        const tombstone = toTombstone(issue, {
          actor,
          reason: params.reason ?? 'delete',
          nowMs: workspace.clock.nowMs(),
        });
        putEdited(workspace, tombstone, { kind: 'deleted', actor });
      }
      return {
        deleted: ids,
        dependencies_removed: edges,
        references_updated: references,
        dry_run: dryRun,
      };
    });
  },

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

function toTombstone(
  issue: Issue,
  { actor, reason, nowMs }: { actor: string; reason: string; nowMs: number },
): Issue {
  return {
    ...issue,
    status: TOMBSTONE,
    deleted_at: timestampAt(nowMs),
    deleted_by: actor,
    delete_reason: reason,
    original_type: issue.issue_type,
  };
}

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
): Issue {
  const after: Issue = { ...issue };
  const edges = (issue.dependencies ?? []).filter((edge) => !gone.has(edge.depends_on_id));
  if (edges.length > 0) after.dependencies = edges;
  else delete after.dependencies;
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
