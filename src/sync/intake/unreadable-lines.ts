import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BdError } from '../../core/errors.ts';
import { compareBytes } from '../../core/issue.ts';
import { writeFileAtomically } from '../../platform/files.ts';
import type { CarriedLine } from '../../store/lines.ts';
import { idOfLine, readIssueLines } from './issue-lines.ts';

export interface LineProblem {
  line: number;
  problem: string;
  /** The line's bytes, for the quarantine. */
  raw: Uint8Array;
}

/** Reports those of the lines that are not `known`, and keeps them in the quarantine. */
export async function quarantineNews(
  report: { problems: LineProblem[]; quarantine: string | undefined },
  problems: readonly LineProblem[],
  { known, directory }: { known: readonly Uint8Array[]; directory: string },
): Promise<void> {
  const before = new Set(known.map((line) => Buffer.from(line).toString('latin1')));
  const news = problems.filter(({ raw }) => !before.has(Buffer.from(raw).toString('latin1')));
  if (news.length === 0) return;
  report.quarantine = await quarantineLines(directory, news);
  report.problems = news;
}

/** Writes lines to a file of their own, unchanged; the same lines go to the same file. */
async function quarantineLines(
  directory: string,
  problems: readonly LineProblem[],
): Promise<string> {
  const content = Buffer.concat(problems.flatMap(({ raw }) => [raw, Buffer.from('\n')]));
  const name = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const path = join(directory, `${name}.jsonl`);
  try {
    await mkdir(directory, { recursive: true });
    await writeFileAtomically(path, content);
    return path;
  } catch (error) {
    throw new BdError('FILE_UNUSABLE', {
      message: `cannot keep ${problems.length} unreadable lines in ${path}: ${String(error)}`,
      remedy: 'Make that directory writable; until then the file with those lines stays untouched.',
      cause: error,
    });
  }
}

/** The files of lines that could not be read: a person corrects and removes them. */
export function listQuarantine(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}

/** Adds lines that this bd cannot read, unchanged, in the order of ids; those without an id come last. */
export function withCarried(content: Buffer, carried: readonly CarriedLine[]): Buffer {
  if (carried.length === 0) return content;
  const ours = [...readIssueLines(content)].map(({ raw }) => ({
    line: raw,
    issueId: idOfLine(raw),
  }));
  const newline = Buffer.from('\n');
  const all = [...ours, ...carried].sort(
    (left, right) =>
      Number(left.issueId === undefined) - Number(right.issueId === undefined) ||
      compareBytes(left.issueId ?? '', right.issueId ?? '') ||
      Buffer.compare(left.line, right.line),
  );
  return Buffer.concat(all.flatMap(({ line }) => [line, newline]));
}
