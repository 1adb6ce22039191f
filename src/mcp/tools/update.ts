import { body, name, priority, title, words } from '../../protocol/methods/issue.ts';
import { object, optional } from '../../protocol/shape.ts';
import { defineTool, described, names } from '../tool.ts';

/** The names that the tools use, for the record's own. */
const TOOL_NAMES: Readonly<Record<string, string>> = {
  issue_type: 'type',
  acceptance_criteria: 'acceptance',
  dependencies: 'parent',
};

export const updateTool = defineTool({
  name: 'update',
  title: 'Update an issue',
  description:
    'Sets the given fields, "" clears one; returns the names of those that changed. To finish ' +
    'work use close, to take it claim.',
  annotations: { destructiveHint: true, idempotentHint: true },
  input: object({
    id: name,
    title: optional(title),
    description: optional(body),
    acceptance: optional(body),
    notes: optional(body),
    status: optional(described(name, 'open, in_progress, blocked, deferred')),
    type: optional(name),
    priority: optional(priority),
    assignee: optional(words),
    parent: optional(words),
    add_labels: optional(names),
    remove_labels: optional(names),
  }),
  async run({ call, actor }, { id, type, acceptance, ...changes }) {
    const { issue, changed } = await call('update_issue', {
      issue_id: id,
      changes: { ...changes, issue_type: type, acceptance_criteria: acceptance },
      actor,
    });
    return { id: issue.id, changed: changed.map((field) => TOOL_NAMES[field] ?? field) };
  },
});
