import { setImmediate } from 'node:timers/promises';
import { encodeState } from '../core/causal/causal-line.ts';
import type { IssueState } from '../core/causal/issue-state.ts';
import { viewIssue } from '../core/causal/view.ts';
import { checkStorable, createEdits } from './issue-store.ts';
import type { Replica } from './replica.ts';
import type { Store } from './store.ts';

/** The state of an issue after a dry write, and its line. */
interface DryWrite {
  line: string;
  state: IssueState;
}

/**
 * A store that writes nothing. Reading one issue shows what was put; lists, counts, readiness and cycles stay
 * those of the real store.
 */
export function createDryRunStore(store: Store): Store {
  /** By issue, the latest first. */
  const writes = new Map<string, DryWrite[]>();
  const issues = dryIssues(store, writes);
  const replica = dryReplica(store.replica);
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
    outbox: { ...store.outbox, add: () => {}, restartCounters: () => {} },
    versions: dryVersions(store, writes),
  };
}

function dryIssues({ issues }: Store, writes: Map<string, DryWrite[]>): Store['issues'] {
  const latest = (id: string) => writes.get(id)?.[0];
  const line = (id: string): string | undefined => latest(id)?.line ?? issues.line(id);
  return {
    ...issues,
    get(id) {
      const state = latest(id)?.state;
      return state === undefined ? issues.get(id) : viewIssue(state).issue;
    },
    state: (id) => latest(id)?.state ?? issues.state(id),
    line,
    put(state) {
      const after = encodeState(state);
      if (line(state.id) === after) return;
      checkStorable(state, after);
      writes.set(state.id, [{ line: after, state }, ...(writes.get(state.id) ?? [])]);
    },
  };
}

function dryVersions(
  { issues, versions }: Store,
  writes: ReadonlyMap<string, DryWrite[]>,
): Store['versions'] {
  return {
    ...versions,
    earlier(id) {
      const [latest, ...earlier] = writes.get(id) ?? [];
      const stored = latest === undefined ? undefined : issues.line(id);
      const replaced = [
        ...earlier.map(({ line }) => line),
        ...(stored === undefined ? [] : [stored]),
      ];
      return [...replaced, ...versions.earlier(id)];
    },
    shownAt: (id, seq) =>
      versions.shownAt(id, seq) ?? (writes.has(id) ? { line: issues.line(id) ?? null } : undefined),
  };
}

function dryReplica(replica: Replica): Replica {
  let name = replica.id();
  return { id: () => name, renew: () => (name = 'dryrun') };
}
