import { setImmediate } from 'node:timers/promises';
import type { EncodedIssue } from '../core/causal/causal-line.ts';
import { checkStorable, createEdits } from './issue-store.ts';
import type { Replica } from './replica.ts';
import type { Store } from './store.ts';

/**
 * A store that writes nothing. Reading one issue shows what was put; lists, counts, readiness and cycles stay
 * those of the real store.
 */
export function createDryRunStore(store: Store): Store {
  /** By issue, the latest first. */
  const writes = new Map<string, EncodedIssue[]>();
  const issues = dryIssues(store, writes);
  const replica = dryReplica(store.replica);
  return {
    ...store,
    transaction: (work) => work(),
    write: (change) => Promise.resolve().then(change),
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

function dryIssues({ issues }: Store, writes: Map<string, EncodedIssue[]>): Store['issues'] {
  const latest = (id: string) => writes.get(id)?.[0];
  const line = (id: string): string | undefined => latest(id)?.line ?? issues.line(id);
  return {
    ...issues,
    get(id) {
      const written = latest(id);
      return written === undefined ? issues.get(id) : written.view.issue;
    },
    state: (id) => latest(id)?.state ?? issues.state(id),
    line,
    put(encoded) {
      const { id } = encoded.state;
      if (line(id) === encoded.line) return;
      checkStorable(encoded);
      writes.set(id, [encoded, ...(writes.get(id) ?? [])]);
    },
  };
}

function dryVersions(
  { issues, versions }: Store,
  writes: ReadonlyMap<string, EncodedIssue[]>,
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
