import { toBdError } from '../../core/errors.ts';
import type { SyncEngine } from '../../sync/sync-engine.ts';
import {
  isMethod,
  METHODS,
  unknownMethod,
  type Call,
  type Method,
  type MirrorNotes,
} from '../../protocol/methods.ts';
import type { Workspace } from '../workspace.ts';
import { changeOperations } from './change-issue.ts';
import { commentOperations } from './comment.ts';
import { conflictOperations } from './conflict.ts';
import { createOperations } from './create-issue.ts';
import { deleteOperations } from './delete-issues.ts';
import { dependencyOperations } from './dependency.ts';
import { eventOperations } from './events.ts';
import { labelOperations } from './label.ts';
import type { Operations } from './operation.ts';
import { readOperations } from './read-issue.ts';
import { syncOperations } from './sync.ts';
import { transferOperations } from './transfer.ts';
import { workspaceOperations } from './workspace-settings.ts';

/** What each method does; the compiler requires all of them. */
const OPERATIONS: Operations<Method, Workspace> = {
  ...createOperations,
  ...readOperations,
  ...changeOperations,
  ...deleteOperations,
  ...dependencyOperations,
  ...labelOperations,
  ...commentOperations,
  ...conflictOperations,
  ...eventOperations,
  ...syncOperations,
  ...transferOperations,
  ...workspaceOperations,
};

/**
 * The operations of one open workspace, for every face; parameters are checked here, once. With a key
 * they are those of one command, which does nothing twice when it comes again under that key.
 */
export function createCall(workspace: Workspace, { key }: { key?: string | undefined } = {}): Call {
  const workspaceFor = key === undefined ? () => workspace : repeatable(workspace, key);
  return async (method, params, options = {}) => {
    if (!isMethod(method)) throw unknownMethod(method);
    const checked = METHODS[method].params.check(params ?? {}, method) as typeof params;
    const { sync, store } = workspace;
    try {
      await workspace.followSettings();
      const freshness = await sync.catchUp();
      const result = await OPERATIONS[method](workspaceFor(method), checked, options);
      const notes = METHODS[method].effect === 'read' ? {} : await showChange(sync);
      return { ...result, ...(freshness === 'stale' ? staleness(sync) : {}), ...notes };
    } catch (error) {
      throw store.explain(error);
    }
  };
}

/**
 * The same workspace for one command that may come again under its key. Its n-th change of a method is
 * stored with what it answered; when it comes again, that answer is returned and nothing is done. What
 * was refused stored nothing, and is tried again.
 */
function repeatable(workspace: Workspace, key: string): (method: string) => Workspace {
  let changes = 0;
  return (method) => {
    const write: Workspace['write'] = (change) => {
      changes += 1;
      const changeKey = `${key}.${changes}.${method}`;
      return workspace.write(() => {
        const { answers } = workspace.store;
        const answered = answers.get(changeKey);
        if (answered !== undefined) return JSON.parse(answered) as ReturnType<typeof change>;
        const result = change();
        answers.add(changeKey, JSON.stringify(result));
        return result;
      });
    };
    // Not a copy: some of its members are read anew each time.
    return Object.create(workspace, { write: { value: write } }) as Workspace;
  };
}

function staleness({ mirrorFailure }: SyncEngine): MirrorNotes {
  if (mirrorFailure === undefined) return { stale: true };
  return { stale: true, mirror_error: `${mirrorFailure.message}. ${mirrorFailure.remedy}` };
}

/** The change is made and stored: that the mirror does not show it is no failure of it. */
async function showChange(sync: SyncEngine): Promise<MirrorNotes> {
  try {
    await sync.showChange();
    return {};
  } catch (error) {
    const { message, remedy } = toBdError(error);
    return { mirror_error: `${message}. ${remedy}` };
  }
}
