import { BdError } from '../../core/errors.ts';
import { MCP_CLAIM_ROUNDS_MAX, MCP_ISSUES_MAX } from '../../core/limits.ts';
import { name } from '../../protocol/methods/issue.ts';
import { object, optional } from '../../protocol/shape.ts';
import { detailsOf, type Details } from '../rows.ts';
import { defineTool, described, type ToolSession } from '../tool.ts';

export const claimTool = defineTool({
  name: 'claim',
  title: 'Claim an issue',
  description:
    'Takes an issue: you become its assignee and it is in_progress. Returns the whole issue. Fails ' +
    'if another holds it.',
  annotations: { destructiveHint: false, idempotentHint: false },
  input: object({
    id: optional(described(name, 'without it: the best ready one nobody has')),
  }),
  async run(session, { id }) {
    if (id === undefined) return await claimFirstReady(session);
    const { issue } = await session.call('claim_issue', { issue_id: id, actor: session.actor });
    return { claimed: await readDetails(session, issue.id) };
  },
});

async function claimFirstReady(session: ToolSession<'claim'>): Promise<object> {
  for (let round = 0; round < MCP_CLAIM_ROUNDS_MAX; round++) {
    const { issues } = await session.call('list_ready', {
      filter: { no_assignee: true },
      limit: MCP_ISSUES_MAX,
    });
    if (issues.length === 0) {
      return { hint: 'Nothing is ready that nobody has; see ready, or create what is to do.' };
    }
    for (const { id } of issues) {
      if (await claimNow(session, id)) return { claimed: await readDetails(session, id) };
    }
  }
  throw new BdError('ALREADY_CLAIMED', {
    message: 'others were faster to claim every ready issue',
    remedy: 'Try again, or choose one with ready and claim it by its id.',
  });
}

/** Whether this call took it: another session may have done so since the list, even one of the same name. */
async function claimNow({ call, actor }: ToolSession<'claim'>, id: string): Promise<boolean> {
  try {
    return (await call('claim_issue', { issue_id: id, actor })).changed;
  } catch (error) {
    const isTaken =
      error instanceof BdError && ['ALREADY_CLAIMED', 'ISSUE_NOT_FOUND'].includes(error.code);
    if (!isTaken) throw error;
    return false;
  }
}

async function readDetails({ call }: ToolSession<'claim'>, id: string): Promise<Details> {
  return detailsOf((await call('get_issue', { issue_id: id })).issue);
}
