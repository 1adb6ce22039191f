import { once } from 'node:events';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { dirname, basename } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { isNotFound, readIfThere } from '../platform/files.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';

/** Prints the last lines of a daemon's log; when that is short, those of the rotated file too. */
export async function showLog(
  place: WorkspacePlace,
  {
    lines,
    print,
    until,
  }: {
    lines: number;
    print: (text: string) => void;
    /** Continues with new lines, across rotations, until aborted. */
    until: AbortSignal | undefined;
  },
): Promise<void> {
  const path = place.logFile;
  place.refuseLinks([basename(path), `${basename(path)}.1`]);
  // Opened once, so that lines written between the tail and the first read are not lost.
  const reader = await openReader(path, print);
  try {
    const tail = await readTail(await reader.take(), { path, lines });
    if (tail !== '') print(tail);
    if (until !== undefined) await follow(path, { reader, until });
  } finally {
    await reader.close();
  }
}

async function readTail(
  current: Buffer,
  { path, lines }: { path: string; lines: number },
): Promise<string> {
  const tail = lastLines(current, lines);
  if (tail.length === lines) return tail.join('');
  const rotated = (await readIfThere(`${path}.1`)) ?? Buffer.alloc(0);
  return [...lastLines(rotated, lines - tail.length), ...tail].join('');
}

/** Each with its line end; what has none yet is a line too. */
function lastLines(content: Buffer, count: number): string[] {
  const lines = content.toString().match(/[^\n]*\n|[^\n]+$/g) ?? [];
  return lines.slice(Math.max(0, lines.length - count));
}

async function follow(
  path: string,
  { reader, until }: { reader: Awaited<ReturnType<typeof openReader>>; until: AbortSignal },
): Promise<void> {
  // Loaded only to follow.
  const { DirectoryWatch } = await import('../platform/directory-watch.ts');
  let turn = Promise.resolve();
  const look = (): void => {
    // A read may fail now and succeed with the next line.
    turn = turn.then(() => reader.read()).catch(() => {});
  };
  const watch = new DirectoryWatch({
    directory: dirname(path),
    names: [basename(path)],
    onChange: look,
    onError: look,
  });
  await watch.ready;
  // Catches lines written before the watcher was ready.
  look();
  if (!until.aborted) await once(until, 'abort');
  watch.close();
  await turn;
}

async function openReader(path: string, print: (text: string) => void) {
  const decoder = new StringDecoder('utf8');
  let file = await openIfThere(path);
  let position = 0;

  /** Everything since the last call; all of the file at the first. */
  const take = async (): Promise<Buffer> => {
    if (file === undefined) return Buffer.alloc(0);
    const { size } = await file.stat();
    // The file was emptied.
    if (size < position) position = 0;
    const piece = Buffer.alloc(size - position);
    const { bytesRead } = await file.read(piece, 0, piece.length, position);
    position += bytesRead;
    return piece.subarray(0, bytesRead);
  };
  const printRest = async (): Promise<void> => {
    const piece = await take();
    if (piece.length > 0) print(decoder.write(piece));
  };
  const isReplaced = async (): Promise<boolean> => {
    const now = await stat(path).catch(() => undefined);
    if (now === undefined) return false;
    return file === undefined || (await file.stat()).ino !== now.ino;
  };
  return {
    take,
    /** Prints it, and continues with the new file after a rotation. */
    async read() {
      await printRest();
      while (await isReplaced()) {
        // Lines written between the last read and the rotation.
        await printRest();
        await file?.close();
        file = await openIfThere(path);
        position = 0;
        await printRest();
      }
    },
    async close() {
      await file?.close();
    },
  };
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
