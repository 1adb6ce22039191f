import { open, type FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { SLICE_BYTES, SLICE_RECORDS } from '../../core/limits.ts';
import type { Store } from '../../store/store.ts';

/**
 * What the store looks like as a file, one line per issue, in id order: page by page, with a turn for other
 * requests between pages. A change made meanwhile may be in or not, so the caller notes what it wants shown
 * before it begins.
 */
export async function* renderPages({ issues }: Pick<Store, 'issues'>): AsyncGenerator<Buffer> {
  for (let after = ''; ;) {
    const page = issues.fileAfter(after, SLICE_RECORDS);
    if (page === undefined) return;
    yield page.content;
    after = page.last;
    await setImmediate();
  }
}

/** The whole file. */
export async function renderIssueFile(store: Pick<Store, 'issues'>): Promise<Buffer> {
  const pages: Buffer[] = [];
  for await (const page of renderPages(store)) pages.push(page);
  return Buffer.concat(pages);
}

const NEWLINE = 0x0a;

/** The lines of a file, about a slice at a time; each result is valid until the next is asked for. */
export async function* readChunks(path: string): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    yield* readWholeLines(file);
  } finally {
    await file.close();
  }
}

async function* readWholeLines(file: FileHandle): AsyncGenerator<Buffer> {
  let buffer = Buffer.allocUnsafe(SLICE_BYTES);
  for (let at = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    const read = buffer.subarray(0, bytesRead);
    const end = read.lastIndexOf(NEWLINE) + 1;
    const isLast = bytesRead < buffer.length;
    // A line that is longer than the buffer is read again, into a larger one.
    if (end === 0 && !isLast) {
      buffer = Buffer.allocUnsafe(buffer.length * 2);
      continue;
    }
    yield end === 0 ? read : read.subarray(0, end);
    at += end === 0 ? bytesRead : end;
  }
}
