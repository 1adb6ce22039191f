import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileVersion } from '../platform/file-version.ts';

/** The file that this process was started from. */
export interface ProgramFile {
  readonly path: string;
  /** Tells builds of one version apart; null when the file could not be read. */
  readonly build: string | null;
  /** Whether it was replaced or removed since: parts that are loaded later may be gone, or others'. */
  isReplaced(): boolean;
}

const BUILD_CHARS = 12;

/** Call at the start, while the file is the one that runs. Its name for its parts changes with them. */
export function watchProgram(path: string): ProgramFile {
  const original = fileVersion(path);
  return {
    path,
    build: hashOf(path),
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
