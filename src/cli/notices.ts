import { METHODS, type Call, type MirrorNotes } from '../protocol/methods.ts';
import type { CommandIo } from './command-io.ts';
import type { Overdue } from '../protocol/methods/workspace.ts';
import { renderMoment } from './output/printable.ts';

export interface ChangeWatch {
  call: Call;
  /** After a change, warns on stderr of changes that have waited too long to be shared. */
  warn(io: CommandIo): Promise<void>;
}

export function watchChanges(call: Call): ChangeWatch {
  let hasChanged = false;
  return {
    async call(method, params) {
      const result = await call(method, params);
      hasChanged ||= METHODS[method].effect === 'write';
      return result;
    },
    async warn(io) {
      if (!hasChanged) return;
      // The change is made, so the command must not fail here.
      const answer = await call('take_overdue_notice', {}).catch(() => undefined);
      const overdue = answer?.overdue ?? null;
      if (overdue !== null) io.stderr(renderOverdue(overdue));
    },
  };
}

/** One line: the user is busy with something else. */
function renderOverdue({ pending, since, error }: Overdue): string {
  const changes = pending === 1 ? '1 change waits' : `${pending} changes wait`;
  const unsent = `nothing has tried to send ${pending === 1 ? 'it' : 'them'} (\`bd sync\` does)`;
  const reason = error ?? unsent;
  return `${changes} to be shared since ${renderMoment(since)}: ${reason.replace(/\s+/g, ' ')} (bd status)\n`;
}

/** A note on stderr beside an answer. */
export function renderMirrorNote({ stale, mirror_error: error }: MirrorNotes): string {
  const isOld = stale === true ? 'this answer may be old: ' : '';
  if (error !== undefined) return `Warning: ${isOld}${error}\n`;
  return `Note: ${isOld}not all of the mirror or of this repository's issues is read yet (bd status)\n`;
}
