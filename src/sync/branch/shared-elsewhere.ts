import { idOfLine } from '../intake/carried-lines.ts';
import { readIssueLines } from '../intake/issue-lines.ts';

/**
 * The ids of `ours` that `theirs` does not show word for word: what is lost when only `theirs` stays. An
 * issue that was deleted before anybody saw it is no loss.
 */
export function missingIn(theirs: Buffer, ours: Buffer): string[] {
  const shown = new Set(textsOf(theirs));
  const known = new Set(textsOf(theirs).map(idOf));
  return textsOf(ours)
    .filter((text) => !shown.has(text))
    .filter((text) => known.has(idOf(text)) || !text.includes('"status":"tombstone"'))
    .map(idOf);
}

function textsOf(content: Buffer): string[] {
  return [...readIssueLines(content)].map(({ raw }) => Buffer.from(raw).toString('latin1'));
}

function idOf(text: string): string {
  return idOfLine(Buffer.from(text, 'latin1')) ?? text;
}
