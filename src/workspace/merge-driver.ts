import { readFile } from 'node:fs/promises';
import { BdError, messageOf } from '../core/errors.ts';
import { readIfThere, writeFileAtomically } from '../platform/files.ts';
import { mergeIssueFiles } from '../sync/intake/merge-files.ts';

export interface MergePaths {
  output: string;
  /** May be missing: both sides can have added the file. */
  base: string;
  ours: string;
  theirs: string;
}

export interface MergeReport {
  output: string;
  issues: number;
  /** One sentence each, with the file and line if it is about one. */
  problems: string[];
}

/**
 * Merges issue files for git. Needs no workspace and no store: git also merges in hooks and on build
 * machines. Writes the output even when there are problems: it has every line.
 */
export async function mergePaths({ output, base, ours, theirs }: MergePaths): Promise<MergeReport> {
  const merged = mergeIssueFiles({
    base: (await attempt('read', base, readIfThere)) ?? Buffer.alloc(0),
    ours: await attempt('read', ours, (path) => readFile(path)),
    theirs: await attempt('read', theirs, (path) => readFile(path)),
  });
  await attempt('write', output, (path) => writeFileAtomically(path, merged.content));
  const paths = { ours, theirs };
  const problems = merged.problems.map(({ at, problem }) =>
    at === undefined ? problem : `${at.file} (${paths[at.file]}), line ${at.line}: ${problem}`,
  );
  return { output, issues: merged.issues, problems };
}

async function attempt<T>(
  verb: 'read' | 'write',
  path: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  try {
    return await work(path);
  } catch (error) {
    throw new BdError('FILE_UNUSABLE', {
      message: `cannot ${verb} ${path}: ${messageOf(error)}`,
      remedy: 'Give the three versions of one issue file; `bd merge --help` shows their order.',
      cause: error,
    });
  }
}
