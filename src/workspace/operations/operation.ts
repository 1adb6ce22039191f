import type { Issue } from '../../core/issue.ts';
import type { CallOptions, Method, Params, Result } from '../../protocol/methods.ts';
import type { ChangeKind } from '../../store/event-log.ts';
import type { Store } from '../../store/store.ts';
import type { Workspace } from '../workspace.ts';

/** What an operation that reads issues may use. */
export interface ReadableWorkspace extends Pick<Workspace, 'config' | 'clock'> {
  readonly store: Pick<Store, 'issues' | 'queries' | 'graph' | 'cycles'>;
}

/** What an operation that changes issues may use: it writes inside `write`, in the name of an actor. */
export interface EditableWorkspace
  extends ReadableWorkspace, Pick<Workspace, 'write' | 'identity' | 'randomBytes'> {
  readonly store: ReadableWorkspace['store'] & Pick<Store, 'edits'>;
}

/** What one method does, with no more of `Context` than it needs: the parts of an open workspace, say. */
export type Operation<M extends Method, Context> = (
  context: Context,
  params: Params<M>,
  options: CallOptions,
) => Result<M> | Promise<Result<M>>;

export type Operations<M extends Method, Context> = { [Name in M]: Operation<Name, Context> };

/** Who acts: the actor that the caller names, else the person whose clone this is. */
export async function actorOf(
  { identity }: Pick<EditableWorkspace, 'identity'>,
  { actor }: { actor?: string | undefined },
): Promise<string> {
  return actor ?? (await identity()).name;
}

/** Stores an edited issue. Call inside a transaction. Returns the issue as stored. */
export function putEdited(
  { store, clock }: Pick<EditableWorkspace, 'store' | 'clock'>,
  issue: Issue,
  { kind, actor }: { kind: ChangeKind; actor: string },
): Issue {
  return store.edits.put(issue, { kind, actor, origin: 'local', atMs: clock.nowMs() });
}
