import { findPath, isOrderingType, isParentType } from '../../core/dependency.ts';
import { BdError } from '../../core/errors.ts';
import type { Workspace } from '../workspace.ts';

/** Longest dependency type, in characters, as in the classic tool. */
const TYPE_CHARS_MAX = 50;

/** Refuses an edge that would make an issue wait for itself. */
export function checkNewEdge(
  workspace: Workspace,
  { from, to, type }: { from: string; to: string; type: string },
): void {
  if (type === '' || type.length > TYPE_CHARS_MAX) {
    throw new BdError('INVALID_VALUE', {
      message: `invalid dependency type "${type}"`,
      remedy: `Use a name of 1 to ${TYPE_CHARS_MAX} characters, such as blocks, related or discovered-from.`,
    });
  }
  if (from === to) {
    throw new BdError('INVALID_VALUE', {
      message: `${from} cannot depend on itself`,
      remedy: 'Name two different issues.',
    });
  }
  if (!isOrderingType(type)) return;
  const { graph } = workspace.store;
  const path = findPath(to, from, (id) =>
    graph
      .edges(id, 'down')
      .filter((edge) => isOrderingType(edge.type))
      .map((edge) => edge.depends_on_id),
  );
  if (path === undefined) return;
  throw new BdError('DEPENDENCY_CYCLE', {
    message: `${from} cannot depend on ${to}: it would close the cycle ${[from, ...path].join(' -> ')}`,
    remedy: 'Remove one of these dependencies first, with `bd dep remove`.',
    details: { cycle: [from, ...path] },
  });
}

/** Refuses what would silently replace an edge: one per pair of issues, one parent per issue. */
export function checkFreePlace(
  edges: readonly { depends_on_id: string; type: string }[],
  { from, to, type }: { from: string; to: string; type: string },
): void {
  const taken = edges.find((edge) => edge.depends_on_id === to);
  if (taken !== undefined) {
    throw new BdError('ALREADY_EXISTS', {
      message: `${from} depends on ${to} already, with type ${taken.type}`,
      remedy: `Name each issue once; to change the type, run \`bd dep remove ${from} ${to}\` first.`,
    });
  }
  const parent = isParentType(type) ? edges.find((edge) => isParentType(edge.type)) : undefined;
  if (parent !== undefined) {
    throw new BdError('ALREADY_EXISTS', {
      message: `${from} has the parent ${parent.depends_on_id} already`,
      remedy: `Run \`bd update ${from} --parent ${to}\` to move it.`,
    });
  }
}
