import { MCP_ISSUES_MAX } from '../../core/limits.ts';
import { name } from '../../protocol/methods/issue.ts';
import { flag, integer, object, optional } from '../../protocol/shape.ts';
import { rowOf } from '../rows.ts';
import { defineTool, described, names } from '../tool.ts';

const LIMIT_DEFAULT = 10;

export const readyTool = defineTool({
  name: 'ready',
  title: 'Ready work',
  description:
    'Lists open issues that nothing blocks, best first, without their texts: items and total.',
  input: object({
    assignee: optional(name),
    unassigned: optional(flag()),
    labels: optional(described(names, 'all of them')),
    type: optional(described(name, 'bug, feature, task, epic, chore, decision')),
    parent: optional(described(name, 'only its children')),
    limit: optional(
      described(integer({ min: 1, max: MCP_ISSUES_MAX }), `default ${LIMIT_DEFAULT}`),
    ),
  }),
  async run({ call }, { assignee, unassigned, labels, type, parent, limit = LIMIT_DEFAULT }) {
    const { issues, total } = await call('list_ready', {
      filter: { assignee, no_assignee: unassigned, labels, issue_type: type, parent_id: parent },
      limit,
    });
    return { items: issues.map(rowOf), total };
  },
});
