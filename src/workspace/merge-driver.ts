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
    base: await readBase(base),
    ours: await readSide(ours),
    theirs: await readSide(theirs),
  });
  try {
    await writeFileAtomically(output, merged.content);
  } catch (error) {
    throw unusable(output, { verb: 'write', cause: error });
  }
  const paths = { ours, theirs };
  const problems = merged.problems.map(({ at, problem }) =>
    at === undefined ? problem : `${at.file} (${paths[at.file]}), line ${at.line}: ${problem}`,
  );
  return { output, issues: merged.issues, problems };
}

async function readBase(path: string): Promise<Buffer> {
  try {
    return (await readIfThere(path)) ?? Buffer.alloc(0);
  } catch (error) {
    throw unusable(path, { verb: 'read', cause: error });
  }
}

async function readSide(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unusable(path, { verb: 'read', cause: error });
  }
}

function unusable(path: string, { verb, cause }: { verb: string; cause: unknown }): BdError {
  return new BdError('FILE_UNUSABLE', {
    message: `cannot ${verb} ${path}: ${messageOf(cause)}`,
    remedy: 'Give the three versions of one issue file; `bd merge --help` shows their order.',
    cause,
  });
}
