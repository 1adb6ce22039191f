import { omitUndefined } from '../../core/omit-undefined.ts';
import { dirname } from 'node:path';
import { findGitRepository } from '../../git/repository.ts';
import type { CommandDefinition } from '../command.ts';
import { alignColumns } from '../output/columns.ts';

export const whereCommand: CommandDefinition = {
  name: 'where',
  about: 'Show which workspace is used here',
  async run({ call, screen, io, print }) {
    const info = await call('get_info', {});
    const path = dirname(info.database_path);
    const worktree = findOtherWorktree(io.cwd, info.workspace);
    const rows = [
      ['', 'prefix:', info.prefix],
      ['', 'database:', info.database_path],
      ['', 'mirror:', info.mirror_path],
      ...(worktree === undefined
        ? []
        : [['', 'worktree:', `${worktree} (all worktrees of a repository share one workspace)`]]),
    ];
    print({
      json: {
        path,
        prefix: info.prefix,
        database_path: info.database_path,
        mirror_path: info.mirror_path,
        ...omitUndefined({ worktree }),
      },
      // Clients take the first line for the path.
      text: `${path}\n${alignColumns(rows, { ...screen, width: undefined })}`,
    });
  },
};

/** The working tree that we are in, when the workspace is that of another one of its repository. */
function findOtherWorktree(cwd: string, workspace: string): string | undefined {
  const [here, there] = [findGitRepository(cwd), findGitRepository(workspace)];
  const isOther = here?.commonDir === there?.commonDir && here?.topLevel !== there?.topLevel;
  return isOther ? here?.topLevel : undefined;
}
