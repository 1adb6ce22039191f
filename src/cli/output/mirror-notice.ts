import type { MirrorNotes } from '../../protocol/methods.ts';

/** What standard error says beside an answer. */
export function renderMirrorNote({ stale, mirror_error: error }: MirrorNotes): string {
  if (error !== undefined) return `Warning: ${error}\n`;
  return stale === true
    ? 'Note: the mirror was edited, and this answer may lack that edit: it is not taken in yet (bd status)\n'
    : '';
}
