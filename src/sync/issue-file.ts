import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { SLICE_BYTES, SLICE_RECORDS } from '../core/limits.ts';
import type { Store } from '../store/store.ts';

/** What the store looks like as a file: one line per issue, in id order. */
export interface IssueFile {
  chunks: Buffer[];
  hash: string;
}

/**
 * Reads page by page, with a turn for other requests between pages: a change made meanwhile may be in
 * or not, so the caller notes what it wants shown before it calls.
 */
export async function renderIssueFile(store: Store): Promise<IssueFile> {
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  for (let after = ''; ;) {
    const page = store.issues.linesAfter(after, SLICE_RECORDS);
    const last = page.at(-1);
    if (last === undefined) return { chunks, hash: hash.digest('hex') };
    const chunk = Buffer.from(`${page.map(({ line }) => line).join('\n')}\n`);
    hash.update(chunk);
    chunks.push(chunk);
    after = last.id;
    await setImmediate();
  }
}

/** The same hash for a file that was read. */
export async function hashContent(content: Buffer): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < content.length; at += SLICE_BYTES) {
    hash.update(content.subarray(at, at + SLICE_BYTES));
    await setImmediate();
  }
  return hash.digest('hex');
}
