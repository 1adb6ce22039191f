import { omitEmpty } from '../../core/omit-undefined.ts';
import { BdError } from '../../core/errors.ts';
import { MCP_ISSUES_MAX } from '../../core/limits.ts';
import type { Params } from '../../protocol/methods.ts';
import { body, name, priority, title } from '../../protocol/methods/issue.ts';
import { list, object, optional, type ShapeOf } from '../../protocol/shape.ts';
import { defineTool, described, names } from '../tool.ts';

const newIssue = object({
  title,
  description: optional(body),
  type: optional(described(name, 'bug, feature, task (default), epic, chore, decision')),
  priority: optional(described(priority, '0 urgent, 2 default')),
  parent: optional(name),
  labels: optional(names),
  assignee: optional(name),
  depends_on: optional(described(names, 'ids that block it')),
  discovered_from: optional(described(name, 'the issue you worked on')),
  acceptance: optional(described(body, 'when it is done')),
});

export const createTool = defineTool({
  name: 'create',
  title: 'Create issues',
  description:
    'Creates issues in order. "$0" in parent, depends_on or discovered_from is the first of this ' +
    'call, and so on. Returns created, and failed with why.',
  annotations: { destructiveHint: false, idempotentHint: false },
  input: object({ issues: list(newIssue, { max: MCP_ISSUES_MAX }) }),
  async run({ call, actor, refusal }, { issues }) {
    const created: { id: string; title: string }[] = [];
    const failed: { title: string; why: string }[] = [];
    const ids: (string | undefined)[] = [];
    for (const wanted of issues) {
      try {
        const issue = issueParams(wanted, ids);
        const { issue_id: id } = await call('create_issue', { issue, actor });
        ids.push(id);
        created.push({ id, title: wanted.title });
      } catch (error) {
        // A single issue is the whole call, so its failure is the call's.
        if (issues.length === 1) throw error;
        ids.push(undefined);
        failed.push({ title: wanted.title, why: refusal(error) });
      }
    }
    return { created, ...omitEmpty({ failed }) };
  },
});

function issueParams(
  wanted: ShapeOf<typeof newIssue>,
  ids: readonly (string | undefined)[],
): Params<'create_issue'>['issue'] {
  const { type, parent, depends_on: blockers = [], discovered_from: origin, ...rest } = wanted;
  const { acceptance, ...issue } = rest;
  const dependencies = [
    // With its type, an id that holds a colon stays whole.
    ...blockers.map((id) => `blocks:${siblingOr(id, ids)}`),
    ...(origin === undefined ? [] : [`discovered-from:${siblingOr(origin, ids)}`]),
  ];
  return {
    ...issue,
    issue_type: type,
    acceptance_criteria: acceptance,
    parent: parent === undefined ? undefined : siblingOr(parent, ids),
    dependencies,
  };
}

/** `$n` is the issue created n-th in this call, counted from 0; anything else is an id. */
function siblingOr(reference: string, ids: readonly (string | undefined)[]): string {
  const number = /^\$(\d+)$/.exec(reference)?.[1];
  if (number === undefined) return reference;
  const id = ids[Number(number)];
  if (id !== undefined) return id;
  throw new BdError('INVALID_VALUE', {
    message: `${reference} is no issue that this call has created before this one`,
    remedy: 'Put the issue it names first, "$0" being the first of the call, or give an id.',
  });
}
