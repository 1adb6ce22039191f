import type { ToolAnnotations } from '@modelcontextprotocol/server';
import { MCP_ISSUES_MAX } from '../core/limits.ts';
import { name } from '../protocol/methods/issue.ts';
import type { Params, Result } from '../protocol/methods.ts';
import { list, type Shape } from '../protocol/shape.ts';
import { isReadingTool, type TOOL_METHODS, type ToolName } from '../protocol/tools.ts';

/** As many ids or labels as one call may have. */
export const names = list(name, { max: MCP_ISSUES_MAX });

/** What the tools of one connection work with. A tool may call its own methods only. */
export interface ToolSession<Name extends ToolName = ToolName> {
  readonly call: <M extends (typeof TOOL_METHODS)[Name][number]>(
    method: M,
    params: Params<M>,
  ) => Promise<Result<M>>;
  /** Of the connection, if it named one. */
  readonly actor: string | undefined;
  /** For a failure that the tool reports beside what it did: the text for the client. */
  readonly refusal: (error: unknown) => string;
}

/** One tool: an adapter over the operations, named for a step of the agent's work. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly annotations: ToolAnnotations;
  /** JSON Schema with a plain object at its root: some clients drop all tools for less. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Checks the arguments; rejects with a `BdError`. */
  readonly run: (session: ToolSession, args: unknown) => Promise<object>;
}

interface ToolDefinition<Name extends ToolName, P> extends Pick<Tool, 'title' | 'description'> {
  name: Name;
  /** What a tool that changes something does to what is there. */
  annotations?: Omit<ToolAnnotations, 'readOnlyHint' | 'openWorldHint'>;
  input: Shape<P>;
  run: (session: ToolSession<Name>, params: P) => Promise<object>;
}

export function defineTool<Name extends ToolName, P>({
  input,
  run,
  annotations,
  ...named
}: ToolDefinition<Name, P>): Tool {
  return {
    ...named,
    // None of them reaches beyond this project.
    annotations: { readOnlyHint: isReadingTool(named.name), ...annotations, openWorldHint: false },
    input: input.json,
    run: (session, args) => run(session, input.check(args, named.name)),
  };
}

/** The same shape, with a sentence for the model. */
export function described<S extends Shape<unknown>>(shape: S, description: string): S {
  return { ...shape, json: { ...shape.json, description } };
}
