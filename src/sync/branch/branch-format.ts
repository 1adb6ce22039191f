/** Whose issues a branch holds: read by `bd init` in a clone, and before anything is joined. */
export interface Project {
  projectId: string;
  prefix: string;
}

/** How the issues lie on the branch: in `.beads/issues.jsonl`, or in parts under `.beads/shard`. */
export type BranchLayout = 'file' | 'parts';

/** Programs that know no parts must not take a branch without the file for an empty one. */
const FORMATS: Readonly<Record<BranchLayout, number>> = { file: 1, parts: 2 };

export type BranchFormat =
  | { kind: 'known'; project: Project; layout: BranchLayout }
  | { kind: 'newer'; format: number };

export function encodeFormat({ projectId, prefix }: Project, layout: BranchLayout): string {
  const format = { format: FORMATS[layout], project_id: projectId, prefix };
  return `${JSON.stringify(format, undefined, 2)}\n`;
}

/** Undefined for a file that is not ours: a branch of the classic tool, or one edited by hand. */
export function parseFormat(text: string): BranchFormat | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { format, project_id: projectId, prefix } = value as Record<string, unknown>;
  if (typeof format === 'number' && format > FORMATS.parts) return { kind: 'newer', format };
  if (typeof projectId !== 'string' || projectId === '') return undefined;
  return {
    kind: 'known',
    project: { projectId, prefix: typeof prefix === 'string' ? prefix : 'bd' },
    layout: format === FORMATS.parts ? 'parts' : 'file',
  };
}

/** For people who come across the branch on a host. */
export const BRANCH_README = `# Issues

This branch holds the issues of this project, one per line of the \`.jsonl\` files in \`.beads\`. It is written by
\`bd\` (the npm package \`beads-daemon\`) on the machines of everybody who works on the project, and has
nothing to do with the code on the other branches: do not merge it into them.

Please do not edit it by hand. In a clone of this repository:

    npm install --global beads-daemon
    bd init
    bd list
`;
