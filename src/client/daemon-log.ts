import { once } from 'node:events';
import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { dirname, basename } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { isNotFound } from '../platform/files.ts';
import { daemonLogPath, refuseLinks } from '../platform/workspace-files.ts';

const NEWLINE = 0x0a;

/** The last lines of a daemon's log, those of the one before it among them when it is short. */
export async function readLogTail(beadsDir: string, lines: number): Promise<string> {
  const path = daemonLogPath(beadsDir);
  refuseLinks(
    beadsDir,
    [path, `${path}.1`].map((each) => basename(each)),
  );
  const current = await readLog(path);
  const tail = lastLines(current, lines);
  if (tail.length < current.length || countLines(tail) >= lines) return tail.toString();
  const before = lastLines(await readLog(`${path}.1`), lines - countLines(tail));
  return Buffer.concat([before, tail]).toString();
}

/** What is written to the log from now on, in the file that takes its place too, until `signal`. */
export async function followLog(
  beadsDir: string,
  { print, signal }: { print: (text: string) => void; signal: AbortSignal },
): Promise<void> {
  const path = daemonLogPath(beadsDir);
  const reader = createReader(path, print);
  await reader.skip();
  // Not for those who only look at the end of it.
  const { watchDirectory } = await import('../platform/directory-watch.ts');
  let turn = Promise.resolve();
  const look = (): void => {
    // A log that cannot be read now may be readable with the next line.
    turn = turn.then(() => reader.read()).catch(() => {});
  };
  const watch = watchDirectory({
    directory: dirname(path),
    names: [basename(path)],
    onChange: look,
    onError: look,
  });
  await watch.ready;
  // What was written before the watch stood.
  look();
  if (!signal.aborted) await once(signal, 'abort');
  await watch.close();
  await turn;
  await reader.close();
}

interface LogReader {
  /** Past all that is there. */
  skip(): Promise<void>;
  /** Prints what has come since; goes on with the new file when the old one was put aside. */
  read(): Promise<void>;
  close(): Promise<void>;
}

function createReader(path: string, print: (text: string) => void): LogReader {
  const decoder = new StringDecoder('utf8');
  let file: FileHandle | undefined;
  let position = 0;

  const readRest = async (): Promise<void> => {
    if (file === undefined) return;
    const { size } = await file.stat();
    // Emptied in place.
    if (size < position) position = 0;
    const piece = Buffer.alloc(size - position);
    const { bytesRead } = await file.read(piece, 0, piece.length, position);
    position += bytesRead;
    if (bytesRead > 0) print(decoder.write(piece.subarray(0, bytesRead)));
  };
  const isReplaced = async (): Promise<boolean> => {
    const now = await stat(path).catch(() => undefined);
    if (now === undefined) return false;
    return file === undefined || (await file.stat()).ino !== now.ino;
  };
  return {
    async skip() {
      file = await openIfThere(path);
      position = (await file?.stat())?.size ?? 0;
    },
    async read() {
      await readRest();
      while (await isReplaced()) {
        // Lines that came between the last look and the change of files.
        await readRest();
        await file?.close();
        file = await openIfThere(path);
        position = 0;
        await readRest();
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

async function readLog(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isNotFound(error)) return Buffer.alloc(0);
    throw error;
  }
}

function lastLines(content: Buffer, lines: number): Buffer {
  let start = content.length;
  for (let left = lines; left > 0 && start > 0; left -= 1) {
    // The line end before the line that begins at `start`.
    start = start < 2 ? 0 : content.lastIndexOf(NEWLINE, start - 2) + 1;
  }
  return content.subarray(start);
}

function countLines(content: Buffer): number {
  return content.reduce((count, byte) => count + (byte === NEWLINE ? 1 : 0), 0);
}
