import type { Issue } from '../../core/issue.ts';
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

/** Stores what was edited; call inside a transaction. Returns what is stored then. */
export function putEdited(
  { store, clock }: Workspace,
  issue: Issue,
  { kind, actor }: { kind: ChangeKind; actor: string },
): Issue {
  return store.edits.put(issue, { kind, actor, origin: 'local', atMs: clock.nowMs() });
}
