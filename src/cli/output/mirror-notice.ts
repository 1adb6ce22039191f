import type { MirrorNotes } from '../../protocol/methods.ts';

/** What standard error says beside an answer. */
export function renderMirrorNote({ stale, mirror_error: error }: MirrorNotes): string {
  const isOld = stale === true ? 'this answer may be old: ' : '';
  if (error !== undefined) return `Warning: ${isOld}${error}\n`;
  return `Note: ${isOld}not all of the mirror or of this repository's issues is read yet (bd status)\n`;
}
