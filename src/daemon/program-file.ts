import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileVersion } from '../platform/file-version.ts';

export type ProgramFile = ReturnType<typeof watchProgram>;

const BUILD_CHARS = 12;

/**
 * The file that this process was started from. Call at the start, while it is the one that runs. Its name for
 * its parts changes with them.
 */
export function watchProgram(path: string) {
  const original = fileVersion(path);
  return {
    path,
    /** Tells builds of one version apart; null when the file could not be read. */
    build: hashOf(path),
    /** Whether it was replaced or removed since: parts that are loaded later may be gone, or others'. */
    isReplaced: () => fileVersion(path) !== original,
  };
}

function hashOf(path: string): string | null {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, BUILD_CHARS);
  } catch {
    return null;
  }
}
