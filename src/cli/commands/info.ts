import { dirname } from 'node:path';
import { findGitRepository } from '../../git/repository.ts';
import type { CommandDefinition } from '../command.ts';
import { alignColumns } from '../output/columns.ts';
import { VERSION } from '../../core/version.ts';

export const infoCommand: CommandDefinition = {
  name: 'info',
  about: 'Show details of the workspace',
  flags: [['--schema', 'also about the database']],
  async run({ flags, call, screen, print }) {
    const { schema_version: version, ...info } = await call('get_info', {});
    const hasSchema = flags.has('schema');
    const schema = {
      schema_version: String(version),
      config: info.config,
      detected_prefix: info.prefix,
    };
    const rows = [
      ['Workspace:', info.workspace],
      ['Database:', info.database_path],
      ['Mirror:', info.mirror_path],
      ['Prefix:', info.prefix],
      ['Project:', info.project_id],
      ['Issue Count:', String(info.issue_count)],
      ...(hasSchema ? [['Schema:', String(version)]] : []),
    ];
    print({
      json: hasSchema ? { ...info, schema } : info,
      text: alignColumns(rows, { ...screen, width: undefined }),
    });
  },
};

export const versionCommand: CommandDefinition = {
  name: 'version',
  runsLocally: true,
  about: 'Print the version',
  async run({ print }) {
    print({ json: { version: VERSION }, text: `bd version ${VERSION}\n` });
  },
};

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
        worktree,
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
