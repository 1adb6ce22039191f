import type { CommandDefinition } from '../command.ts';

export const mcpCommand: CommandDefinition = {
  name: 'mcp',
  runsLocally: true,
  about: 'Serve the Model Context Protocol on standard input and output',
  run: ({ services }) => services.serveMcp(),
};
