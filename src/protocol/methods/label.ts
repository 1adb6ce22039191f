import { object } from '../shape.ts';
import { actor, issueId, name } from './issue.ts';

export const labelMethods = {
  add_label: object({ issue_id: issueId, label: name, actor }),
  remove_label: object({ issue_id: issueId, label: name, actor }),
  list_labels: object({ issue_id: issueId }),
  count_labels: object({}),
};

export interface LabelResults {
  add_label: { issue_id: string; label: string; changed: boolean };
  remove_label: { issue_id: string; label: string; changed: boolean };
  list_labels: { labels: string[] };
  count_labels: { labels: { label: string; count: number }[] };
}
