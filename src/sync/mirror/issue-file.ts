import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { SLICE_BYTES, SLICE_RECORDS } from '../../core/limits.ts';
import type { Store } from '../../store/store.ts';

/** What the store looks like as a file: one line per issue, in id order. */
export interface IssueFile {
  content: Buffer;
  hash: string;
}

/**
 * Reads page by page, with a turn for other requests between pages: a change made meanwhile may be in
 * or not, so the caller notes what it wants shown before it calls.
 */
export async function renderIssueFile(store: Store): Promise<IssueFile> {
  const hash = createHash('sha256');
  const pages: Buffer[] = [];
  for (let after = ''; ;) {
    const page = store.issues.fileAfter(after, SLICE_RECORDS);
    if (page === undefined) return { content: Buffer.concat(pages), hash: hash.digest('hex') };
    hash.update(page.content);
    pages.push(page.content);
    after = page.last;
    await setImmediate();
  }
}

/** The same hash for a file that was read, with turns for other requests too. */
export async function hashContent(content: Buffer, hash = createHash('sha256')): Promise<string> {
  for (let at = 0; at < content.length; at += SLICE_BYTES) {
    hash.update(content.subarray(at, at + SLICE_BYTES));
    await setImmediate();
  }
  return hash.digest('hex');
}
