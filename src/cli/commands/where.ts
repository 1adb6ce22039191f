import { dirname } from 'node:path';
import type { CommandDefinition } from '../command.ts';
import { alignColumns } from '../output/columns.ts';

export const whereCommand: CommandDefinition = {
  name: 'where',
  about: 'Show which workspace is used here',
  async run({ call, screen, print }) {
    const info = await call('get_info', {});
    const path = dirname(info.database_path);
    const rows = [
      ['', 'prefix:', info.prefix],
      ['', 'database:', info.database_path],
      ['', 'mirror:', info.mirror_path],
    ];
    print({
      json: {
        path,
        prefix: info.prefix,
        database_path: info.database_path,
        mirror_path: info.mirror_path,
      },
      // Clients take the first line for the path.
      text: `${path}\n${alignColumns(rows, { ...screen, width: undefined })}`,
    });
  },
};
