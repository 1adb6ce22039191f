import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Every file, directory and link below `directory`, with its mode and its content, by path. */
export function printDirectory(
  directory: string,
  { without = () => false }: { without?: (path: string) => boolean } = {},
): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (inside: string): void => {
    for (const name of readdirSync(join(directory, inside)).sort()) {
      const path = join(inside, name);
      if (without(path)) continue;
      const full = join(directory, path);
      const status = lstatSync(full);
      const mode = (status.mode & 0o7777).toString(8);
      if (status.isDirectory()) {
        found[path] = `directory ${mode}`;
        visit(path);
      } else if (status.isSymbolicLink()) found[path] = `link ${readlinkSync(full)}`;
      else if (status.isFile()) found[path] = `file ${mode} ${hash(readFileSync(full))}`;
      else found[path] = `other ${mode}`;
    }
  };
  visit('');
  return found;
}

function hash(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
