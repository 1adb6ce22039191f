import type { CarriedLine } from '../store/carried-lines.ts';
import type { Store } from '../store/store.ts';
import { compareBytes } from '../core/issue.ts';
import { renderIssueFile } from './issue-file.ts';

/** The file on the branch: the store's lines, and those that this bd cannot read in the places of ours. */
export async function renderBranchFile(store: Store): Promise<Buffer> {
  const { content } = await renderIssueFile(store);
  const carried = store.carried.all();
  return carried.length === 0 ? content : withCarried(content, carried);
}

/** The id that a line begins with, as all tools write it. */
export function idOfLine(line: Uint8Array): string | undefined {
  const start = Buffer.from(line.buffer, line.byteOffset, Math.min(line.byteLength, 300));
  return /^\s*\{\s*"id"\s*:\s*"([^"\\]+)"/.exec(start.toString())?.[1];
}

/** Lines without an id come last, as they sort after everything that begins with one. */
function withCarried(content: Buffer, carried: readonly CarriedLine[]): Buffer {
  const replaced = new Set(carried.map(({ issueId }) => issueId));
  const ours = splitLines(content)
    .map((line) => ({ line, issueId: idOfLine(line) }))
    .filter(({ issueId }) => !replaced.has(issueId));
  const newline = Buffer.from('\n');
  const all = [...ours, ...carried].sort(
    (left, right) =>
      Number(left.issueId === undefined) - Number(right.issueId === undefined) ||
      compareBytes(left.issueId ?? '', right.issueId ?? '') ||
      Buffer.compare(left.line, right.line),
  );
  return Buffer.concat(all.flatMap(({ line }) => [line, newline]));
}

function splitLines(content: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < content.length;) {
    const end = content.indexOf(0x0a, start);
    lines.push(content.subarray(start, end));
    start = end + 1;
  }
  return lines;
}
