import { body } from '../../protocol/methods/issue.ts';
import { object, optional } from '../../protocol/shape.ts';
import { rowOf, type Row } from '../rows.ts';
import { defineTool, described, names } from '../tool.ts';

export const closeTool = defineTool({
  name: 'close',
  title: 'Close issues',
  description:
    'Closes finished issues in order; returns closed, what became unblocked, and skipped with why.',
  annotations: { destructiveHint: true, idempotentHint: true },
  input: object({
    ids: names,
    reason: optional(described(body, 'what was done')),
  }),
  async run({ call, actor, refusal }, { ids, reason }) {
    const closed: string[] = [];
    const skipped: { id: string; why: string }[] = [];
    const unblocked = new Map<string, Row>();
    for (const id of ids) {
      try {
        const result = await call('close_issue', { issue_id: id, reason, actor });
        if (!result.changed) skipped.push({ id: result.issue.id, why: 'it is closed already' });
        else closed.push(result.issue.id);
        unblocked.delete(result.issue.id);
        for (const issue of result.unblocked) unblocked.set(issue.id, rowOf(issue));
      } catch (error) {
        // A single issue is the whole call, so its failure is the call's.
        if (ids.length === 1) throw error;
        skipped.push({ id, why: refusal(error) });
      }
    }
    return { closed, unblocked: [...unblocked.values()], skipped };
  },
});
