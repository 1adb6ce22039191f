import type { ToolAnnotations } from '@modelcontextprotocol/server';
import type { Call } from '../protocol/methods.ts';
import type { Shape } from '../protocol/shape.ts';

/** What the tools of one connection work with. */
export interface ToolSession {
  readonly call: Call;
  /** Spread into the parameters of what writes; empty when the connection did not say who it is. */
  readonly by: { readonly actor?: string };
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

interface ToolDefinition<P> {
  name: string;
  title: string;
  description: string;
  annotations: ToolAnnotations;
  input: Shape<P>;
  run: (session: ToolSession, params: P) => Promise<object>;
}

export function defineTool<P>({ input, run, annotations, ...named }: ToolDefinition<P>): Tool {
  return {
    ...named,
    // None of them reaches beyond this project.
    annotations: { ...annotations, openWorldHint: false },
    input: input.json,
    run: (session, args) => run(session, input.check(args, named.name)),
  };
}

/** The same shape, with a sentence for the model. */
export function described<S extends Shape<unknown>>(shape: S, description: string): S {
  return { ...shape, json: { ...shape.json, description } };
}
