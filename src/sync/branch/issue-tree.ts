import { setImmediate } from 'node:timers/promises';
import { BRANCH_FILE_BYTES_MAX } from '../../core/limits.ts';
import type { GitObjects } from '../../git/objects.ts';
import { encodeTree, type TreeEntry } from '../../git/tree.ts';
import type { CarriedLine } from '../../store/lines.ts';
import { SHARDS, shardOf } from '../../store/derived-rows.ts';
import type { Store } from '../../store/store.ts';
import { ISSUES_FILE, SHARDS_DIRECTORY } from './branch-snapshot.ts';
import { withCarried } from '../intake/unreadable-lines.ts';
import { renderIssueFile } from '../mirror/issue-file.ts';

/** The place of the issues in a branch's tree: a file, or a directory of parts. */
export interface IssueEntry {
  entry: TreeEntry;
  /** Undefined for one file. */
  shards: TreeEntry[] | undefined;
}

/** The parts as written last. */
interface Parts {
  /** The last event that they show. */
  seq: number;
  entries: (TreeEntry | undefined)[];
  /** Parts with lines that this bd cannot read. */
  carrying: Set<number>;
}

/** Writes what the branch shows of the store: its lines, and beside them those that this bd cannot read. */
export class IssueTree {
  readonly #store: Store;
  readonly #objects: Pick<GitObjects, 'write'>;
  #parts: Parts | undefined;

  constructor(store: Store, objects: Pick<GitObjects, 'write'>) {
    this.#store = store;
    this.#objects = objects;
  }

  /** One file; or parts, in a large project and on a branch that has parts already, which keeps them. */
  write({ hasParts }: { hasParts: boolean }): Promise<IssueEntry> {
    const isLarge = (): boolean => this.#store.issues.fileBytes() > BRANCH_FILE_BYTES_MAX;
    return hasParts || isLarge() ? this.#writeParts() : this.#writeFile();
  }

  /** Makes everything again at the next write: objects that no ref leads to may be gone. */
  forget(): void {
    this.#parts = undefined;
  }

  async #writeParts(): Promise<IssueEntry> {
    const store = this.#store;
    const seq = store.events.lastSeq();
    const carried = carriedByShard(store);
    const entries = [...(this.#parts?.entries ?? [])];
    const changed = this.#parts && store.events.issueIdsAfter(this.#parts.seq);
    const shards = changed && [...changed.map(shardOf), ...(this.#parts?.carrying ?? [])];
    for (const shard of shards === undefined ? ALL : new Set([...shards, ...carried.keys()])) {
      const content = withCarried(store.issues.shardFile(shard), carried.get(shard) ?? []);
      entries[shard] =
        content.length === 0
          ? undefined
          : { ...FILE, name: fileName(shard), oid: await this.#objects.write('blob', content) };
      await setImmediate();
    }
    const present = entries.filter((entry) => entry !== undefined);
    const oid = await this.#objects.write('tree', encodeTree(present));
    this.#parts = { seq, entries, carrying: new Set(carried.keys()) };
    return { entry: { mode: '40000', name: SHARDS_DIRECTORY, oid }, shards: present };
  }

  async #writeFile(): Promise<IssueEntry> {
    const content = await renderIssueFile(this.#store);
    const shown = withCarried(content, this.#store.carried.all());
    const oid = await this.#objects.write('blob', shown);
    return { entry: { ...FILE, name: ISSUES_FILE, oid }, shards: undefined };
  }
}

const ALL = Array.from({ length: SHARDS }, (_, shard) => shard);
const FILE = { mode: '100644' };

/** The part of a large project's branch that has an issue. */
export function partOf(issueId: string): string {
  return fileName(shardOf(issueId));
}

function fileName(shard: number): string {
  return `${shard.toString(16).padStart(2, '0')}.jsonl`;
}

/** Lines without an id are kept together. */
function carriedByShard(store: Store): Map<number, CarriedLine[]> {
  const byShard = new Map<number, CarriedLine[]>();
  for (const carried of store.carried.all()) {
    const shard = shardOf(carried.issueId ?? '');
    byShard.set(shard, [...(byShard.get(shard) ?? []), carried]);
  }
  return byShard;
}
