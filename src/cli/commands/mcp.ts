import type { CommandDefinition } from '../command.ts';
import { requireServices } from '../local-services.ts';

export const mcpCommand: CommandDefinition = {
  name: 'mcp',
  runsLocally: true,
  about: 'Serve the Model Context Protocol on standard input and output',
  run: ({ services }) => requireServices(services, 'mcp').serveMcp(),
};
