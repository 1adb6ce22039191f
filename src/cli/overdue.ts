import type { Call, Method } from '../protocol/methods.ts';
import type { CommandIo } from './command-io.ts';
import { isReading } from './reading.ts';
import { renderOverdue } from './output/overdue-notice.ts';

/** These tell how sharing stands themselves, or change no issue. */
const NO_CHANGE: ReadonlySet<Method> = new Set(['sync', 'export', 'set_config', 'unset_config']);

export interface ChangeWatch {
  call: Call;
  /** After a change that was made, says on stderr that changes have waited too long to be shared. */
  tell(io: CommandIo): Promise<void>;
}

export function watchChanges(call: Call): ChangeWatch {
  let hasChanged = false;
  return {
    async call(method, params) {
      const result = await call(method, params);
      hasChanged ||= !isReading(method) && !NO_CHANGE.has(method);
      return result;
    },
    async tell(io) {
      if (!hasChanged) return;
      // The change is made: that this cannot be asked is nothing to fail with.
      const answer = await call('take_overdue_notice', {}).catch(() => undefined);
      const overdue = answer?.overdue ?? null;
      if (overdue !== null) io.stderr(renderOverdue(overdue));
    },
  };
}
