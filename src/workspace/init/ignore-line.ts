import { rm, writeFile } from 'node:fs/promises';
import { readTextIfThere } from '../../platform/files.ts';

export function hasLine(path: string, line: string): boolean {
  return readTextIfThere(path).split('\n').includes(line);
}

/** Ends the file as it ended before, so that `removeLine` leaves not a byte behind. */
export async function addLine(path: string, line: string): Promise<void> {
  const text = readTextIfThere(path);
  const isEnded = text === '' || text.endsWith('\n');
  await writeFile(path, isEnded ? `${text}${line}\n` : `${text}\n${line}`);
}

export async function removeLine(path: string, line: string): Promise<void> {
  const text = readTextIfThere(path);
  const lines = text.split('\n');
  const rest = lines.toSpliced(lines.lastIndexOf(line), 1).join('\n');
  if (rest === '') await rm(path);
  else await writeFile(path, rest);
}
