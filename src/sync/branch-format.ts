/** Whose issues a branch holds: read by `bd init` in a clone, and before anything is joined. */
export interface Project {
  projectId: string;
  prefix: string;
}

/** The layout this bd writes: one file, `.beads/issues.jsonl`. */
const FORMAT = 1;

export type BranchFormat = { kind: 'known'; project: Project } | { kind: 'newer'; format: number };

export function encodeFormat({ projectId, prefix }: Project): string {
  return `${JSON.stringify({ format: FORMAT, project_id: projectId, prefix }, undefined, 2)}\n`;
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
  if (typeof format === 'number' && format > FORMAT) return { kind: 'newer', format };
  if (typeof projectId !== 'string' || projectId === '') return undefined;
  return {
    kind: 'known',
    project: { projectId, prefix: typeof prefix === 'string' ? prefix : 'bd' },
  };
}

/** For people who come across the branch on a host. */
export const BRANCH_README = `# Issues

This branch holds the issues of this project, one per line in \`.beads/issues.jsonl\`. It is written by
\`bd\` (the npm package \`beads-daemon\`) on the machines of everybody who works on the project, and has
nothing to do with the code on the other branches: do not merge it into them.

Please do not edit it by hand. In a clone of this repository:

    npm install --global beads-daemon
    bd init
    bd list
`;
