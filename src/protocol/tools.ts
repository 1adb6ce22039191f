import { METHODS, type Method } from './methods.ts';

/** The tools that MCP clients get, and the methods that each of them calls. */
export const TOOL_METHODS = {
  ready: ['list_ready'],
  show: ['get_issue'],
  create: ['create_issue'],
  update: ['update_issue'],
  claim: ['claim_issue', 'list_ready', 'get_issue'],
  close: ['close_issue'],
} as const satisfies Record<string, readonly Method[]>;

export type ToolName = keyof typeof TOOL_METHODS;

/** A tool that only reads may be called twice. False for a tool that we do not know. */
export function isReadingTool(name: unknown): boolean {
  if (typeof name !== 'string' || !isToolName(name)) return false;
  return TOOL_METHODS[name].every((method) => METHODS[method].effect === 'read');
}

function isToolName(name: string): name is ToolName {
  return Object.hasOwn(TOOL_METHODS, name);
}
