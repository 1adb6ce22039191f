import type { Issue } from '../../core/issue.ts';
import { timestampAfter } from '../../core/timestamp.ts';
import type { Method, Params, Result } from '../../protocol/methods.ts';
import type { ChangeKind } from '../../store/change.ts';
import type { Workspace } from '../workspace.ts';

export type Operation<M extends Method> = (
  workspace: Workspace,
  params: Params<M>,
) => Result<M> | Promise<Result<M>>;

export type Operations<M extends Method> = { [Name in M]: Operation<Name> };

/** Who acts: as the caller says, else the person this clone belongs to. */
export async function actorOf(
  workspace: Workspace,
  { actor }: { actor?: string | undefined },
): Promise<string> {
  return actor ?? (await workspace.identity()).name;
}

/**
 * Stores an edited record with `updated_at` moved forward, so that tools which compare times accept
 * it. Call inside a transaction; returns what was stored.
 */
export function putEdited(
  workspace: Workspace,
  issue: Issue,
  { kind, actor }: { kind: ChangeKind; actor: string },
): Issue {
  const nowMs = workspace.clock.nowMs();
  const edited = { ...issue, updated_at: timestampAfter(issue.updated_at, nowMs) };
  workspace.store.issues.put(edited, { kind, actor, origin: 'local', atMs: nowMs });
  return edited;
}
