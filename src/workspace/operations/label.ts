import { labelSet } from '../../core/issue.ts';
import { findIssue } from './find-issue.ts';
import { edit, type EditableWorkspace, type Edits, type Reads } from './operation.ts';

export const labelOperations: Edits<'add_label' | 'remove_label'> &
  Reads<'list_labels' | 'count_labels'> = {
  add_label: (workspace, params) =>
    setLabels(workspace, params, 'label_added', (labels) => [...labels, params.label]),

  remove_label: (workspace, params) =>
    setLabels(workspace, params, 'label_removed', (labels) =>
      labels.filter((label) => label !== params.label),
    ),

  list_labels: (workspace, params) => ({
    labels: [...(findIssue(workspace, params.issue_id).labels ?? [])],
  }),

  count_labels: (workspace) => ({ labels: workspace.store.queries.labelCounts() }),
};

function setLabels(
  workspace: EditableWorkspace,
  params: { issue_id: string; label: string; actor?: string | undefined },
  kind: 'label_added' | 'label_removed',
  change: (labels: readonly string[]) => string[],
): Promise<{ issue_id: string; label: string; changed: boolean }> {
  return edit(workspace, params, ({ put }) => {
    const issue = findIssue(workspace, params.issue_id);
    const before = issue.labels ?? [];
    const labels = labelSet(change(before));
    const changed = labels.length !== before.length;
    if (changed) put({ ...issue, labels }, kind);
    return { issue_id: issue.id, label: params.label, changed };
  });
}
