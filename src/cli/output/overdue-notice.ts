import type { Overdue } from '../../protocol/methods/workspace.ts';
import { renderMoment } from './moment.ts';

/** In one line, for somebody who is busy with something else. */
export function renderOverdue({ pending, since, error }: Overdue): string {
  const changes = pending === 1 ? '1 change waits' : `${pending} changes wait`;
  const unsent = `nothing has tried to send ${pending === 1 ? 'it' : 'them'} (\`bd sync\` does)`;
  const reason = error ?? unsent;
  return `${changes} to be shared since ${renderMoment(since)}: ${reason.replace(/\s+/g, ' ')} (bd status)\n`;
}
