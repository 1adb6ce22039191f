import { compareBytes } from '../../core/issue.ts';
import type { CarriedLine } from '../../store/carried-lines.ts';

/** The id that a line begins with, as all tools write it. */
export function idOfLine(line: Uint8Array): string | undefined {
  const start = Buffer.from(line.buffer, line.byteOffset, Math.min(line.byteLength, 300));
  return /^\s*\{\s*"id"\s*:\s*"([^"\\]+)"/.exec(start.toString())?.[1];
}

/**
 * Lines that this bd cannot read, word for word beside ours. Those without an id come last, as they sort
 * after everything that begins with one.
 */
export function withCarried(content: Buffer, carried: readonly CarriedLine[]): Buffer {
  if (carried.length === 0) return content;
  const ours = splitLines(content).map((line) => ({ line, issueId: idOfLine(line) }));
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
