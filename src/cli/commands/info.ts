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
