import { labelSet } from '../../core/issue.ts';
import { findIssue } from './find-issue.ts';
import {
  type ReadableWorkspace,
  actorOf,
  type EditableWorkspace,
  type Operations,
  putEdited,
} from './operation.ts';

export const labelOperations: Operations<'add_label' | 'remove_label', EditableWorkspace> &
  Operations<'list_labels' | 'count_labels', ReadableWorkspace> = {
  async add_label(workspace, params) {
    const actor = await actorOf(workspace, params);
    return setLabels(workspace, params, {
      kind: 'label_added',
      actor,
      edit: (labels) => [...labels, params.label],
    });
  },

  async remove_label(workspace, params) {
    const actor = await actorOf(workspace, params);
    return setLabels(workspace, params, {
      kind: 'label_removed',
      actor,
      edit: (labels) => labels.filter((label) => label !== params.label),
    });
  },

  list_labels: (workspace, params) => ({
    labels: [...(findIssue(workspace, params.issue_id).labels ?? [])],
  }),

  count_labels: (workspace) => ({ labels: workspace.store.queries.labelCounts() }),
};

function setLabels(
  workspace: EditableWorkspace,
  { issue_id: text, label }: { issue_id: string; label: string },
  {
    kind,
    actor,
    edit,
  }: {
    kind: 'label_added' | 'label_removed';
    actor: string;
    edit: (labels: readonly string[]) => string[];
  },
): { issue_id: string; label: string; changed: boolean } {
  return workspace.write(() => {
    const { labels: before = [], ...issue } = findIssue(workspace, text);
    const labels = labelSet(edit(before));
    const changed = labels.length !== before.length;
    if (changed) {
      putEdited(workspace, labels.length > 0 ? { ...issue, labels } : issue, { kind, actor });
    }
    return { issue_id: issue.id, label, changed };
  });
}
