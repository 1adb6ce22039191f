import { resolve } from 'node:path';
import { BdError } from '../../core/errors.ts';
import type { MergePaths } from '../../workspace/merge-driver.ts';
import type { CommandDefinition } from '../command.ts';
import { listProblems } from '../output/change-list.ts';
import { oneLine } from '../output/printable.ts';

const USAGE =
  'Usage: bd merge <base> <ours> <theirs>, which writes to <ours>, or bd merge <output> <base> <left> <right>';

export const mergeCommand: CommandDefinition = {
  name: 'merge',
  runsLocally: true,
  parameters: '<files...>',
  about:
    'Merge issue files issue by issue, for git: <base> <ours> <theirs> writes to <ours>; <output> <base> <left> <right> too',
  async run({ args, io, services, isJson, print }) {
    const paths = readPaths(args.map((path) => resolve(io.cwd, path)));
    const report = await services.mergeFiles(paths);
    const { problems } = report;
    if (isJson) print({ json: report, text: '' });
    if (problems.length === 0) return 0;
    io.stderr(listProblems(problems.map((problem) => `Error: ${oneLine(problem)}`)));
    io.stderr('The merged file holds every line: correct it, then `git add` it.\n');
    // The merge driver distinguishes this from a failure to merge.
    return 4;
  },
};

/** `%O %A %B` of git's drivers, perhaps with `%L %P`; or the output first, as in the classic tool. */
function readPaths(paths: readonly string[]): MergePaths {
  const [first = '', second = '', third = '', fourth = ''] = paths;
  if (paths.length === 3 || paths.length === 5) {
    return { output: second, base: first, ours: second, theirs: third };
  }
  if (paths.length === 4) return { output: first, base: second, ours: third, theirs: fourth };
  throw new BdError('USAGE', {
    message: `bd merge takes 3, 4 or 5 arguments, not ${paths.length}`,
    remedy: USAGE,
  });
}
