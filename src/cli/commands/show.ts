import type { IssueJson } from '../../core/issue-line.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import { forEachId } from '../issue-arguments.ts';
import { renderIssueDetails } from '../output/issue-details.ts';
import { renderIssueRows } from '../output/issue-rows.ts';

export const showCommand: CommandDefinition = {
  name: 'show',
  aliases: ['view'],
  parameters: '[ids...]',
  about: 'Show everything about issues',
  flags: [
    ['--id <id>', 'an issue, as an argument would name it'],
    ['--short', 'one line an issue'],
    ['--children', 'their children instead'],
    ['--refs', 'what depends on them or mentions a link to them instead'],
    ['--include-dependents', ''],
    ['--local-time', ''],
    ['--thread', ''],
  ],
  async run(invocation) {
    const { args, flags, call, screen, print } = invocation;
    const ids = [...args, ...(flags.list('id') ?? [])];
    if (flags.has('children')) return await showLinked(invocation, ids, childrenOf);
    if (flags.has('refs')) return await showLinked(invocation, ids, dependentsOf);
    const { done, exitCode } = await forEachId(invocation, ids, async (id) => {
      return (await call('get_issue', { issue_id: id })).issue;
    });
    if (done.length === 0) return exitCode;
    print({
      json: done,
      text: () =>
        flags.has('short')
          ? renderIssueRows(done, screen)
          : done.map((issue) => renderIssueDetails(issue, screen)).join('\n'),
    });
    return exitCode;
  },
};

async function showLinked(
  invocation: Invocation,
  ids: readonly string[],
  find: (invocation: Invocation, id: string) => Promise<IssueJson[]>,
): Promise<number> {
  const { call, screen, print } = invocation;
  const { done, exitCode } = await forEachId(invocation, ids, async (text) => {
    const { issue_id: id } = await call('resolve_id', { issue_id: text });
    return { id, issues: await find(invocation, id) };
  });
  if (done.length === 0) return exitCode;
  print({
    json: Object.fromEntries(done.map(({ id, issues }) => [id, issues])),
    text: done
      .map(({ id, issues }) => {
        const rows = renderIssueRows(issues, screen) || 'none\n';
        return done.length === 1 ? rows : `${screen.bold(id)}\n${rows}`;
      })
      .join('\n'),
  });
  return exitCode;
}

async function childrenOf({ call }: Invocation, id: string): Promise<IssueJson[]> {
  return (await call('list_issues', { filter: { parent_id: id } })).issues;
}

async function dependentsOf({ call }: Invocation, id: string): Promise<IssueJson[]> {
  return (await call('list_dependencies', { issue_id: id, direction: 'up' })).dependencies;
}
