import { BdError } from '../../core/errors.ts';
import { MCP_SHOWN_MAX } from '../../core/limits.ts';
import { name } from '../../protocol/methods/issue.ts';
import { list, object } from '../../protocol/shape.ts';
import { detailsOf, type Details } from '../rows.ts';
import { defineTool } from '../tool.ts';

export const showTool = defineTool({
  name: 'show',
  title: 'Show issues',
  description: 'Whole issues: texts, links, last comments. Unknown ids are listed in missing.',
  input: object({ ids: list(name, { max: MCP_SHOWN_MAX }) }),
  async run({ call }, { ids }) {
    const issues: Details[] = [];
    const missing: string[] = [];
    for (const id of ids) {
      try {
        issues.push(detailsOf((await call('get_issue', { issue_id: id })).issue));
      } catch (error) {
        if (!(error instanceof BdError) || error.code !== 'ISSUE_NOT_FOUND') throw error;
        missing.push(id);
      }
    }
    return { issues, missing };
  },
});
