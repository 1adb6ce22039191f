import { METHODS, type Call } from '../protocol/methods.ts';
import type { CommandIo } from './command-io.ts';
import { renderOverdue } from './output/overdue-notice.ts';

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
      hasChanged ||= METHODS[method].effect === 'write';
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
