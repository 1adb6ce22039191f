import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Handover } from '../../src/client/handover.ts';
import { BD, createTestWorkspace, DAEMON, type TestWorkspace } from './test-workspace.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SYSTEM = `${process.platform}-${process.arch}`;

/** False without a C compiler: then the Node client does everything, and these tests have nothing to show. */
export const isNativeBuilt = existsSync(join(ROOT, 'native', SYSTEM, 'bd'));

/** A package like an installed one, whose Node client notes why it was called. */
export interface NativePackage {
  /** The launcher, and the program that it runs. */
  readonly bd: string;
  readonly native: string;
  /** Why commands were handed over so far; undefined for a call that was not. */
  handovers(): (Handover | undefined)[];
}

/** A project with such a package beside it, in a directory of that name. */
export async function createNativeWorkspace(
  name: string,
): Promise<{ workspace: TestWorkspace; program: NativePackage }> {
  const workspace = await createTestWorkspace({ client: 'here' });
  const program = createNativePackage(workspace.sandbox.at(name));
  await workspace.bdText(['init', '--prefix', 't']);
  return { workspace, program };
}

export function createNativePackage(directory: string): NativePackage {
  const [bd, native] = [join(directory, 'bin/bd'), join(directory, 'native', SYSTEM, 'bd')];
  const log = join(directory, 'handovers');
  cpSync(join(ROOT, 'bin/bd'), bd);
  cpSync(join(ROOT, 'native', SYSTEM, 'bd'), native);
  mkdirSync(join(directory, 'dist'));
  const note = `(process.env.BD_HANDOVER ?? 'null') + '\\n'`;
  writeFileSync(
    join(directory, 'dist/bd.js'),
    `require('fs').appendFileSync(${JSON.stringify(log)}, ${note}); require(${JSON.stringify(BD)});`,
  );
  writeFileSync(join(directory, 'dist/bd-daemon.js'), `require(${JSON.stringify(DAEMON)});`);
  for (const program of [bd, native]) chmodSync(program, 0o755);
  return {
    bd,
    native,
    handovers: () =>
      !existsSync(log)
        ? []
        : readFileSync(log, 'utf8')
            .trimEnd()
            .split('\n')
            .map((line) => (JSON.parse(line) as Handover | null) ?? undefined),
  };
}
