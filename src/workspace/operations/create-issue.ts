import { omitEmpty, omitUndefined } from '../../core/omit-undefined.ts';
import { BdError } from '../../core/errors.ts';
import {
  childIssueId,
  childNumber,
  isDeepestChild,
  isIssueId,
  randomIssueId,
  type IssueId,
} from '../../core/issue-id.ts';
import { issueToJson } from '../../core/issue-line.ts';
import { labelSet, PRIORITY_DEFAULT, type Dependency, type Issue } from '../../core/issue.ts';
import { CHILD_DEPTH_MAX } from '../../core/limits.ts';
import { timestampAt } from '../../core/timestamp.ts';
import type { Params } from '../../protocol/methods.ts';
import type { Identity } from '../identity.ts';
import { findIssueId } from './find-issue.ts';
import { checkedStatus, checkedType, checkTimes, newEdge, withStatus } from './issue-rules.ts';
import { edit, type EditableWorkspace, type Edits, type ReadableWorkspace } from './operation.ts';

type NewIssue = Params<'create_issue'>['issue'];

export const createOperations: Edits<'create_issue' | 'preview_issue'> = {
  async create_issue(workspace, params) {
    const author = await authorOf(workspace, params);
    return edit(workspace, params, ({ put }) => {
      const issue = put(build(workspace, params.issue, author), 'created');
      return { issue_id: issue.id, issue: issueToJson(issue) };
    });
  },

  async preview_issue(workspace, params) {
    const author = await authorOf(workspace, params);
    const { id: _id, ...issue } = issueToJson(build(workspace, params.issue, author));
    return { issue };
  },
};

async function authorOf(
  workspace: EditableWorkspace,
  { actor }: Params<'create_issue'>,
): Promise<Identity> {
  const { name, email } = await workspace.identity();
  return { name: actor ?? name, email };
}

function build(workspace: EditableWorkspace, wanted: NewIssue, author: Identity): Issue {
  const now = timestampAt(workspace.clock.nowMs());
  const { id: _id, parent, dependencies, labels, metadata, status, ...fields } = wanted;
  const parentId = parent === undefined ? undefined : findIssueId(workspace, parent);
  const id = chooseId(workspace, wanted.id, parentId);
  checkTimes(fields);
  const type = checkedType(workspace, fields.issue_type ?? 'task');
  const edges = buildEdges(workspace, { id, parentId, dependencies, actor: author.name, now });
  const issue: Issue = {
    ...omitEmpty({ ...fields, labels: labelSet(labels ?? []), dependencies: edges }),
    id,
    title: fields.title,
    status: 'open',
    priority: fields.priority ?? PRIORITY_DEFAULT,
    issue_type: type,
    created_at: now,
    created_by: author.name,
    updated_at: now,
    ...omitUndefined({ owner: fields.owner ?? author.email }),
    ...(metadata === undefined ? {} : { opaque: { metadata: JSON.stringify(metadata) } }),
  };
  return withStatus(issue, checkedStatus(workspace, status ?? 'open'), { now });
}

function chooseId(
  workspace: EditableWorkspace,
  wanted: string | undefined,
  parentId: string | undefined,
): IssueId {
  if (wanted !== undefined) return checkedNewId(workspace, wanted);
  if (parentId !== undefined) return nextChildId(workspace, parentId as IssueId);
  const prefix = workspace.config.text('issue_prefix');
  const issueCount = workspace.store.queries.idCount(prefix);
  const draw = (): IssueId =>
    randomIssueId({ prefix, issueCount, randomBytes: workspace.randomBytes });
  let id = draw();
  while (workspace.store.issues.line(id) !== undefined) id = draw();
  return id;
}

function checkedNewId(workspace: ReadableWorkspace, id: string): IssueId {
  if (!isIssueId(id)) {
    throw new BdError('INVALID_VALUE', {
      message: `"${id}" cannot be an issue id`,
      remedy: 'Use letters, digits, "-", "_" and ".", starting with a letter or digit.',
    });
  }
  if (workspace.store.issues.line(id) === undefined) return id;
  throw new BdError('ALREADY_EXISTS', {
    message: `issue ${id} exists already`,
    remedy: 'Choose another id; ids of deleted issues are not used again.',
  });
}

/** Counts deleted children too, so that a number is never used again. */
function nextChildId(workspace: ReadableWorkspace, parent: IssueId): IssueId {
  if (isDeepestChild(parent)) {
    throw new BdError('INVALID_VALUE', {
      message: `${parent} is ${CHILD_DEPTH_MAX} levels deep already`,
      remedy: 'Create the issue without --parent and link it with `bd dep add`.',
    });
  }
  const numbers = workspace.store.queries
    .idsBelow(parent)
    .flatMap((id) => childNumber(parent, id) ?? []);
  return childIssueId(parent, Math.max(0, ...numbers) + 1);
}

function buildEdges(
  workspace: ReadableWorkspace,
  {
    id,
    parentId,
    dependencies = [],
    ...by
  }: {
    id: IssueId;
    parentId: string | undefined;
    dependencies: readonly string[] | undefined;
    actor: string;
    now: string;
  },
): Dependency[] {
  const edges: Dependency[] = [];
  const add = (target: string, type: string): void => {
    const edge = { issue_id: id, depends_on_id: target, type };
    edges.push(newEdge(workspace, edge, { others: edges, ...by }));
  };
  if (parentId !== undefined) add(parentId, 'parent-child');
  for (const text of dependencies) {
    const colon = text.indexOf(':');
    const type = colon < 0 ? 'blocks' : text.slice(0, colon).trim();
    add(findIssueId(workspace, text.slice(colon + 1).trim()), type);
  }
  return edges;
}
