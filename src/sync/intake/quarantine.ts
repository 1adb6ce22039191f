import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BdError } from '../../core/errors.ts';
import { writeFileAtomically } from '../../platform/files.ts';

/** A line that could not be read. */
export interface LineProblem {
  line: number;
  problem: string;
  /** The line word for word, for the quarantine. */
  raw: Uint8Array;
}

/** Keeps lines that could not be read, word for word. The same lines go to the same file. */
export async function quarantineLines(
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
