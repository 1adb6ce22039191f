import { setImmediate } from 'node:timers/promises';
import { BRANCH_FILE_BYTES_MAX } from '../../core/limits.ts';
import type { GitObjects } from '../../git/objects.ts';
import { encodeTree, type TreeEntry } from '../../git/tree.ts';
import type { CarriedLine } from '../../store/carried-lines.ts';
import { SHARDS, shardOf } from '../../store/shard.ts';
import type { Store } from '../../store/store.ts';
import { ISSUES_FILE, SHARDS_DIRECTORY } from './branch-snapshot.ts';
import { withCarried } from '../intake/carried-lines.ts';
import { renderIssueFile } from '../mirror/issue-file.ts';

/** What the branch shows of the store: its lines, and beside them those that this bd cannot read. */
export interface IssueTree {
  /** One file; or parts, in a large project and on a branch that has them, where they stay. */
  write(branch: { hasParts: boolean }): Promise<IssueEntry>;
  /** Makes all anew: what was written before may be gone, as nothing referred to it. */
  forget(): void;
}

/** Where a branch has its issues: a file, or a directory with its parts. */
export interface IssueEntry {
  entry: TreeEntry;
  /** Undefined for one file. */
  shards: TreeEntry[] | undefined;
}

/** The parts as they were written last, and what they show. */
interface Parts {
  /** The last event that they show. */
  seq: number;
  entries: (TreeEntry | undefined)[];
  /** Parts with lines that this bd cannot read. */
  carrying: Set<number>;
}

export function createIssueTree(store: Store, objects: GitObjects): IssueTree {
  let parts: Parts | undefined;

  const writeParts = async (): Promise<IssueEntry> => {
    const seq = store.events.lastSeq();
    const carried = carriedByShard(store);
    const entries = [...(parts?.entries ?? [])];
    for (const shard of changedShards(parts, { store, carrying: carried.keys() })) {
      const content = withCarried(store.issues.shardFile(shard), carried.get(shard) ?? []);
      entries[shard] =
        content.length === 0
          ? undefined
          : { ...FILE, name: fileName(shard), oid: await objects.write('blob', content) };
      await setImmediate();
    }
    const present = entries.filter((entry) => entry !== undefined);
    const oid = await objects.write('tree', encodeTree(present));
    parts = { seq, entries, carrying: new Set(carried.keys()) };
    return { entry: { mode: '40000', name: SHARDS_DIRECTORY, oid }, shards: present };
  };

  const writeFile = async (): Promise<IssueEntry> => {
    const { content } = await renderIssueFile(store);
    const shown = withCarried(content, store.carried.all());
    const oid = await objects.write('blob', shown);
    return { entry: { ...FILE, name: ISSUES_FILE, oid }, shards: undefined };
  };

  return {
    write: ({ hasParts }) =>
      hasParts || store.issues.fileBytes() > BRANCH_FILE_BYTES_MAX ? writeParts() : writeFile(),
    forget() {
      parts = undefined;
    },
  };
}

const FILE = { mode: '100644' };

function changedShards(
  before: Parts | undefined,
  { store, carrying }: { store: Store; carrying: Iterable<number> },
): Iterable<number> {
  if (before === undefined) return Array.from({ length: SHARDS }, (_, shard) => shard);
  const changed = store.events.issueIdsAfter(before.seq).map(shardOf);
  return new Set([...changed, ...before.carrying, ...carrying]);
}

function fileName(shard: number): string {
  return `${shard.toString(16).padStart(2, '0')}.jsonl`;
}

/** Lines whose issue cannot be told are kept together. */
function carriedByShard(store: Store): Map<number, CarriedLine[]> {
  const byShard = new Map<number, CarriedLine[]>();
  for (const carried of store.carried.all()) {
    const shard = shardOf(carried.issueId ?? '');
    byShard.set(shard, [...(byShard.get(shard) ?? []), carried]);
  }
  return byShard;
}
