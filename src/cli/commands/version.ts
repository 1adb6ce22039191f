import { VERSION } from '../../core/version.ts';
import type { CommandDefinition } from '../command.ts';

export const versionCommand: CommandDefinition = {
  name: 'version',
  runsLocally: true,
  about: 'Print the version',
  async run({ print }) {
    print({ json: { version: VERSION }, text: `bd version ${VERSION}\n` });
  },
};
