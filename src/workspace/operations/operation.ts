import type { Issue } from '../../core/issue.ts';
import { timestampAt, type Timestamp } from '../../core/timestamp.ts';
import type { CallOptions, Method, Params, Result } from '../../protocol/methods.ts';
import type { Change, ChangeKind } from '../../store/event-log.ts';
import type { Store } from '../../store/store.ts';
import type { Workspace } from '../workspace.ts';

/** What an operation that reads issues may use. */
export interface ReadableWorkspace extends Pick<Workspace, 'config' | 'clock'> {
  readonly store: Pick<Store, 'issues' | 'queries' | 'graph' | 'cycles'>;
}

/** What an operation that changes issues may use. */
export interface EditableWorkspace
  extends ReadableWorkspace, Pick<Workspace, 'write' | 'identity' | 'randomBytes'> {
  readonly store: ReadableWorkspace['store'] & Pick<Store, 'edits'>;
}

/** What each method does, with no more of `Context` than it needs: the parts of an open workspace, say. */
export type Operations<M extends Method, Context> = {
  [Name in M]: (
    context: Context,
    params: Params<Name>,
    options: CallOptions,
  ) => Result<Name> | Promise<Result<Name>>;
};

export type Reads<M extends Method> = Operations<M, ReadableWorkspace>;
export type Edits<M extends Method> = Operations<M, EditableWorkspace>;

interface Editor {
  actor: string;
  now: Timestamp;
  change: (kind: ChangeKind) => Change;
  /** Stores an edited issue; returns it as stored. */
  put: (issue: Issue, kind: ChangeKind) => Issue;
}

/** Makes a change in one transaction, by the actor that the caller names, else by the person whose clone this is. */
export async function edit<T>(
  { store, clock, identity, write }: EditableWorkspace,
  params: { actor?: string | undefined },
  make: (editor: Editor) => T,
): Promise<T> {
  const actor = params.actor ?? (await identity()).name;
  return write(() => {
    const atMs = clock.nowMs();
    const change = (kind: ChangeKind): Change => ({ kind, actor, origin: 'local', atMs });
    const put = (issue: Issue, kind: ChangeKind): Issue => store.edits.put(issue, change(kind));
    return make({ actor, now: timestampAt(atMs), change, put });
  });
}
