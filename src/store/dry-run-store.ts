import { setImmediate } from 'node:timers/promises';
import { encodeState } from '../core/causal/causal-line.ts';
import type { IssueState } from '../core/causal/issue-state.ts';
import { viewIssue } from '../core/causal/view.ts';
import { createEdits } from './edits.ts';
import { checkStorable } from './issue-store.ts';
import type { Replica } from './replica.ts';
import type { Store } from './store.ts';

/**
 * The store as it would be: what is put is read again by who asks for one issue, and nothing is written.
 * Lists, counts, readiness and cycles stay those of the store.
 */
export function rehearse(store: Store): Store {
  /** What would have been stored of an issue, the latest first. */
  const put = new Map<string, { line: string; state: IssueState }[]>();
  const latest = (id: string) => put.get(id)?.[0];
  const issues: Store['issues'] = {
    ...store.issues,
    get: (id) => {
      const state = latest(id)?.state;
      return state === undefined ? store.issues.get(id) : viewIssue(state).issue;
    },
    state: (id) => latest(id)?.state ?? store.issues.state(id),
    line: (id) => latest(id)?.line ?? store.issues.line(id),
    put(state) {
      const line = encodeState(state);
      if (issues.line(state.id) === line) return;
      checkStorable(state, line);
      put.set(state.id, [{ line, state }, ...(put.get(state.id) ?? [])]);
    },
  };
  const replica = rehearseReplica(store.replica);
  return {
    ...store,
    transaction: (work) => work(),
    async writeSlices(slices, write) {
      for (const slice of slices) {
        write(slice);
        await setImmediate();
      }
    },
    issues,
    replica,
    edits: createEdits({ issues, replica }),
    events: { ...store.events, append: () => store.events.lastSeq() },
    cycles: { ...store.cycles, settle: () => {} },
    outbox: { ...store.outbox, add: () => {}, restartCounters: () => {} },
    versions: {
      ...store.versions,
      earlier(id) {
        const [, ...earlier] = put.get(id) ?? [];
        const stored = put.has(id) ? store.issues.line(id) : undefined;
        const lines = [
          ...earlier.map(({ line }) => line),
          ...(stored === undefined ? [] : [stored]),
        ];
        return [...lines, ...store.versions.earlier(id)];
      },
      shownAt: (id, seq) =>
        store.versions.shownAt(id, seq) ??
        (put.has(id) ? { line: store.issues.line(id) ?? null } : undefined),
    },
  };
}

function rehearseReplica(replica: Replica): Replica {
  let name = replica.id();
  return { id: () => name, renew: () => (name = 'rehearsal') };
}
