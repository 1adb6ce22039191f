import { appendFile, mkdir } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { isNotFound } from '../platform/files.ts';
import type { GitRepository } from '../platform/git-repository.ts';
import type { Change } from './change.ts';

/** Keeps `git status` clean without touching a tracked file; undefined when the line is there. */
export function planExclude(repository: GitRepository, beadsDir: string): Change | undefined {
  const path = excludePath(repository);
  const pattern = excludePattern(repository, beadsDir);
  const present = readExclude(path);
  if (present.split('\n').includes(pattern)) return undefined;
  const separator = present === '' || present.endsWith('\n') ? '' : '\n';
  return {
    says: `added ${pattern} to .git/info/exclude`,
    async make() {
      await mkdir(dirname(path), { recursive: true });
      await appendFile(path, `${separator}${pattern}\n`);
    },
  };
}

function excludePath({ commonDir }: GitRepository): string {
  return join(commonDir, 'info', 'exclude');
}

function excludePattern({ topLevel }: GitRepository, beadsDir: string): string {
  return `/${relative(topLevel, beadsDir).replace(/[\\*?[\]]/g, '\\$&')}/`;
}

function readExclude(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isNotFound(error)) return '';
    throw error;
  }
}
