import type { MirrorNotes } from '../../protocol/methods.ts';

/** What standard error says beside an answer. */
export function renderMirrorNote({ stale, mirror_error: error }: MirrorNotes): string {
  if (error !== undefined) return `Warning: ${error}\n`;
  return stale === true
    ? 'Note: this answer may be old: the mirror was changed, or issues restored, and not all is read yet (bd status)\n'
    : '';
}
