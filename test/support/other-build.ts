import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { VERSION } from '../../src/core/version.ts';
import type { ProtocolRange } from '../../src/protocol/handshake.ts';
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
  replaceOnce(dist, /(const VERSION = )"[^"]+"/, `$1${JSON.stringify(version)}`);
  if (protocol !== undefined) {
    replaceOnce(dist, /(const PROTOCOL = )\{[^}]+\}/, `$1${JSON.stringify(protocol)}`);
  }
  return join(dist, 'bd.js');
}

function replaceOnce(dist: string, pattern: RegExp, replacement: string): void {
  const paths = readdirSync(dist).map((name) => join(dist, name));
  const holding = paths.filter((path) => pattern.test(readFileSync(path, 'utf8')));
  const [path] = holding;
  if (path === undefined || holding.length > 1) throw new Error(`${pattern} in ${holding.length}`);
  writeFileSync(path, readFileSync(path, 'utf8').replace(pattern, replacement));
}
