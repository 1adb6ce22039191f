import type { Database } from '../platform/sqlite.ts';
import { isOrderingType, isBlockingType, isParentType } from '../core/dependency.ts';
import { isSameDot, type Dot } from '../core/causal/dot.ts';
import type { View } from '../core/causal/view.ts';
import { isDeleted, type Dependency, type Issue } from '../core/issue.ts';

/** The label and dependency rows of an issue. */
export interface Relations {
  /** Returns whether edges differ from before, and whether some of these decide the order of work. */
  write(view: View, before: Issue | undefined): { edgesChanged: boolean; orderingChanged: boolean };
}

export function createRelations(database: Database): Relations {
  const dropLabels = database.prepare('DELETE FROM labels WHERE issue_id = ?');
  const addLabel = database.prepare('INSERT OR IGNORE INTO labels VALUES (?, ?)');
  const dropEdges = database.prepare('DELETE FROM dependencies WHERE issue_id = ?');
  const addEdge = database.prepare(
    `INSERT OR IGNORE INTO dependencies
       (issue_id, depends_on_id, type, blocking, parent, replica, counter, ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const edgeRows = database.prepare<[string], EdgeRow>(
    'SELECT depends_on_id, type, replica, counter, ms FROM dependencies WHERE issue_id = ?',
  );
  const writeEdges = ({ issue, edges }: View): void => {
    dropEdges.run(issue.id);
    // A deleted issue keeps its edges for the day that it is restored; until then they lead nowhere.
    if (isDeleted(issue)) return;
    for (const { sibling } of edges) {
      const { depends_on_id: target, type } = sibling.value as Dependency;
      const flags = [Number(isBlockingType(type)), Number(isParentType(type))];
      const { replica, counter, ms } = sibling;
      addEdge.run(issue.id, target, type, ...flags, replica, counter, ms);
    }
  };
  return {
    write(view, before) {
      const { issue } = view;
      if (JSON.stringify(before?.labels) !== JSON.stringify(issue.labels)) {
        dropLabels.run(issue.id);
        for (const label of issue.labels ?? []) addLabel.run(issue.id, label);
      }
      const [edgesBefore, edges] = [livingEdges(before), livingEdges(issue)];
      const isSame = JSON.stringify(edgesBefore) === JSON.stringify(edges);
      if (isSame && (edges.length === 0 || areSameWrites(edgeRows.all(issue.id), view))) {
        return { edgesChanged: false, orderingChanged: false };
      }
      writeEdges(view);
      const orderingChanged = [...edgesBefore, ...edges].some(({ type }) => isOrderingType(type));
      return { edgesChanged: true, orderingChanged };
    },
  };
}

interface EdgeRow extends Dot {
  depends_on_id: string;
  type: string;
}

/** Which write shows an edge can change while the edge does not: two clones made it alike. */
function areSameWrites(rows: readonly EdgeRow[], { edges }: View): boolean {
  const writes = new Map(edges.map(({ sibling }) => [edgeName(sibling.value), sibling]));
  return rows.every((row) => {
    const sibling = writes.get(edgeName(row));
    return sibling !== undefined && isSameDot(sibling, row) && sibling.ms === row.ms;
  });
}

function edgeName(edge: unknown): string {
  const { depends_on_id: target, type } = edge as Pick<Dependency, 'depends_on_id' | 'type'>;
  return `${type} ${target}`;
}

function livingEdges(issue: Issue | undefined): readonly Dependency[] {
  return issue === undefined || isDeleted(issue) ? [] : (issue.dependencies ?? []);
}
