import { METHODS, withNotes, type Call, type MirrorNotes } from '../protocol/methods.ts';
import type { CommandIo } from './command-io.ts';
import type { Overdue } from '../protocol/methods/workspace.ts';
import { renderMoment } from './output/printable.ts';

/** Prints on stderr what a command's user should know beside its answer. */
export function watchCalls(call: Call, io: CommandIo) {
  let hasChanged = false;
  const printed = new Set<string>();
  const noting = withNotes(call, (notes) => {
    const text = renderMirrorNote(notes);
    if (!printed.has(text)) io.stderr(text);
    printed.add(text);
  });
  const watched: Call = async (method, params, options) => {
    const result = await noting(method, params, options);
    hasChanged ||= METHODS[method].effect === 'write';
    return result;
  };
  return {
    call: watched,
    /** After a change, warns of changes that have waited too long to be shared. */
    async warn(): Promise<void> {
      if (!hasChanged) return;
      // The change is made, so the command must not fail here.
      const answer = await noting('take_overdue_notice', {}).catch(() => undefined);
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

function renderMirrorNote({ stale, mirror_error: error }: MirrorNotes): string {
  const isOld = stale === true ? 'this answer may be old: ' : '';
  if (error !== undefined) return `Warning: ${isOld}${error}\n`;
  return `Note: ${isOld}not all of the mirror or of this repository's issues is read yet (bd status)\n`;
}
