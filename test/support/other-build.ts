import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { VERSION } from '../../src/core/version.ts';
import { PROTOCOL, type ProtocolRange } from '../../src/protocol/handshake.ts';
import { BD } from './test-workspace.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** The built program at another place, as another version of it; returns its `bd.js`. */
export function copyBuild(
  directory: string,
  { version = VERSION, protocol }: { version?: string; protocol?: ProtocolRange } = {},
): string {
  const dist = join(directory, 'dist');
  cpSync(dirname(BD), dist, { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  replaceOnce(dist, `=\`${VERSION}\``, `=\`${version}\``);
  if (protocol !== undefined) {
    replaceOnce(dist, `={min:${PROTOCOL.min},max:${PROTOCOL.max}}`, `=${JSON.stringify(protocol)}`);
  }
  return join(dist, 'bd.js');
}

/** `text` is as the minified program has it. */
function replaceOnce(dist: string, text: string, replacement: string): void {
  const paths = readdirSync(dist).map((name) => join(dist, name));
  const [path, ...more] = paths.filter((each) => readFileSync(each, 'utf8').includes(text));
  if (path === undefined || more.length > 0) throw new Error(`${text} is not in one file`);
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace(text, () => replacement),
  );
}
