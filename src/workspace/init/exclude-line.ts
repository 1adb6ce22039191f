import { appendFile, mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { readTextIfThere } from '../../platform/files.ts';
import type { GitRepository } from '../../git/repository.ts';
import type { Change } from './change.ts';

/** Keeps `git status` clean without touching a tracked file; undefined when the line is there. */
export function planExclude(repository: GitRepository, beadsDir: string): Change | undefined {
  const path = excludePath(repository);
  const pattern = excludePattern(repository, beadsDir);
  const present = readTextIfThere(path);
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

/** Takes the line out again, byte for byte when `bytes` says how long the file was before. */
export function planUnexclude(
  repository: GitRepository,
  beadsDir: string,
  { bytes }: { bytes: number | null | undefined },
): Change | undefined {
  const path = excludePath(repository);
  const pattern = excludePattern(repository, beadsDir);
  const present = readTextIfThere(path);
  const before = Buffer.from(present)
    .subarray(0, bytes ?? 0)
    .toString();
  const isTheirs = before.split('\n').includes(pattern);
  if (isTheirs || !present.split('\n').includes(pattern)) return undefined;
  const isLast = [`${pattern}\n`, `\n${pattern}\n`].includes(present.slice(before.length));
  const rest = isLast ? before : withoutLine(present, pattern);
  return {
    says: `took ${pattern} out of .git/info/exclude`,
    async make() {
      if (rest !== '' || bytes !== null) return await writeFile(path, rest);
      await rm(path);
      // Without that file there was hardly anything else.
      await rmdir(dirname(path)).catch(() => {});
    },
  };
}

/** The length of the file in bytes; null without it. */
export function excludeBytes(repository: GitRepository): number | null {
  return statSync(excludePath(repository), { throwIfNoEntry: false })?.size ?? null;
}

function excludePath({ commonDir }: GitRepository): string {
  return join(commonDir, 'info', 'exclude');
}

function excludePattern({ topLevel }: GitRepository, beadsDir: string): string {
  return `/${relative(topLevel, beadsDir).replace(/[\\*?[\]]/g, '\\$&')}/`;
}

/** The first line of that content goes, with its end. */
function withoutLine(text: string, line: string): string {
  const lines = text.split('\n');
  return lines.toSpliced(lines.indexOf(line), 1).join('\n');
}
