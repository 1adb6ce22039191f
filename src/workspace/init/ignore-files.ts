import { appendFile, mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { GitRepository } from '../../git/repository.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import { readTextIfThere } from '../../platform/files.ts';
import type { PlannedChange } from './planned-change.ts';

/** Keeps `git status` clean without touching a tracked file; nothing is left to do where the line is there. */
export function planExclude(repository: GitRepository, place: WorkspacePlace): PlannedChange[] {
  const path = excludePath(repository);
  const pattern = excludePattern(repository, place);
  const present = readTextIfThere(path);
  if (present.split('\n').includes(pattern)) return [];
  const separator = present === '' || present.endsWith('\n') ? '' : '\n';
  const make = async (): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    await appendFile(path, `${separator}${pattern}\n`);
  };
  return [{ says: `added ${pattern} to .git/info/exclude`, make }];
}

/** Removes the line; the file is then as before to the byte if `bytes`, its former length, is known. */
export function planUnexclude(
  repository: GitRepository,
  place: WorkspacePlace,
  { bytes }: { bytes: number | null | undefined },
): PlannedChange[] {
  const path = excludePath(repository);
  const pattern = excludePattern(repository, place);
  const present = readTextIfThere(path);
  const before = Buffer.from(present)
    .subarray(0, bytes ?? 0)
    .toString();
  const isTheirs = before.split('\n').includes(pattern);
  const lines = present.split('\n');
  if (isTheirs || !lines.includes(pattern)) return [];
  const isLast = [`${pattern}\n`, `\n${pattern}\n`].includes(present.slice(before.length));
  const rest = isLast ? before : lines.toSpliced(lines.indexOf(pattern), 1).join('\n');
  const make = async (): Promise<void> => {
    if (rest !== '' || bytes !== null) return await writeFile(path, rest);
    await rm(path);
    // Not empty when the repository had other files there.
    await rmdir(dirname(path)).catch(() => {});
  };
  return [{ says: `removed ${pattern} from .git/info/exclude`, make }];
}

/** The length of `.git/info/exclude` in bytes; null when there is no such file. */
export function excludeBytes(repository: GitRepository): number | null {
  return statSync(excludePath(repository), { throwIfNoEntry: false })?.size ?? null;
}

function excludePath({ commonDir }: GitRepository): string {
  return join(commonDir, 'info', 'exclude');
}

function excludePattern({ topLevel }: GitRepository, { beadsDir }: WorkspacePlace): string {
  return `/${relative(topLevel, beadsDir).replace(/[\\*?[\]]/g, '\\$&')}/`;
}

/** Makes git ignore a file in `.beads`. */
export function planIgnore(place: WorkspacePlace, name: string): PlannedChange {
  return {
    says: `added /${name} to .beads/.gitignore`,
    async make() {
      if (isIgnored(place, name)) return;
      const text = readTextIfThere(place.file('.gitignore'));
      // Without a newline at the end the file gets none, so that `planUnignore` restores every byte.
      const isEnded = text === '' || text.endsWith('\n');
      await writeFile(
        place.file('.gitignore'),
        isEnded ? `${text}/${name}\n` : `${text}\n/${name}`,
      );
    },
  };
}

export function planUnignore(place: WorkspacePlace, name: string): PlannedChange {
  const path = place.file('.gitignore');
  return {
    says: `removed /${name} from .beads/.gitignore`,
    async make() {
      const lines = readTextIfThere(path).split('\n');
      const rest = lines.toSpliced(lines.lastIndexOf(`/${name}`), 1).join('\n');
      if (rest === '') await rm(path);
      else await writeFile(path, rest);
    },
  };
}

export function isIgnored(place: WorkspacePlace, name: string): boolean {
  return readTextIfThere(place.file('.gitignore')).split('\n').includes(`/${name}`);
}
