import { MIRROR_ATTEMPTS_MAX, MIRROR_SETTLE_MS } from '../../core/limits.ts';
import { readIfThere } from '../../platform/files.ts';
import { endsInsideLine } from '../intake/issue-lines.ts';

/** Waits, up to a limit, while another program is still writing the file, or has emptied it to write. */
export async function readSettled(
  path: string,
  { pause, expectsLines }: { pause: (ms: number) => Promise<unknown>; expectsLines: () => boolean },
): Promise<Buffer | undefined> {
  const isEmptied = (content: Buffer): boolean => content.length === 0 && expectsLines();
  let content = await readIfThere(path);
  for (let looks = 0; looks < MIRROR_ATTEMPTS_MAX; looks++) {
    if (content === undefined || !(isEmptied(content) || endsInsideLine(content))) break;
    await pause(MIRROR_SETTLE_MS);
    const later = await readIfThere(path);
    // An empty file is not the end: the program that emptied it is about to write.
    if (!isEmptied(content) && isSame(content, later)) break;
    content = later;
  }
  return content;
}

function isSame(left: Buffer | undefined, right: Buffer | undefined): boolean {
  return left === undefined || right === undefined ? left === right : left.equals(right);
}
