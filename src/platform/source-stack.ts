import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join, dirname } from 'node:path';

/** `(/dist/store.js:10:5)` or `at /dist/store.js:10:5`; the line and the column count from 1. */
const POSITION = /(\/[^\s():]+\.[cm]?js):(\d+):(\d+)/g;

/**
 * A stack whose positions in built files name the source instead, by the map beside each file. Node does the
 * same with --enable-source-maps, at the cost of every start; this reads the maps when a stack is shown.
 */
export function readableStack(error: Error): string {
  const maps = new Map<string, SourceMap | undefined>();
  return (error.stack ?? String(error)).replace(
    POSITION,
    (position, file: string, line, column) => {
      if (!maps.has(file)) maps.set(file, readMap(`${file}.map`));
      const origin = maps.get(file)?.findOrigin(Number(line), Number(column));
      if (origin === undefined || !('fileName' in origin)) return position;
      return `${join(dirname(file), origin.fileName)}:${origin.lineNumber}:${origin.columnNumber}`;
    },
  );
}

function readMap(path: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as SourceMap['payload']);
  } catch {
    // Not built with a map, or the program was replaced: the position is shown as it is.
    return undefined;
  }
}
