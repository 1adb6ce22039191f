import { join } from 'node:path';
import type { Git, GitReachOptions } from './git.ts';
import { gitError, gitOutput } from './git-output.ts';

/** Packs what `tip` leads to and `since` does not, and removes the loose files that a pack has too. */
export async function packObjects(
  git: Git,
  tip: string,
  { since, ...options }: GitReachOptions & { since?: string | undefined },
): Promise<void> {
  const base = join(git.gitDir, 'objects', 'pack', 'pack');
  const input = `${tip}\n${since === undefined ? '' : `^${since}\n`}`;
  const packed = await git.reach([...PACK, base], { ...options, input });
  if (packed.exitCode !== 0) throw gitError(git, PACK, packed);
  await gitOutput(git, ['prune-packed', '--quiet']);
}

const PACK = [
  'pack-objects',
  '--quiet',
  '--revs',
  '--unpacked',
  '--incremental',
  '--non-empty',
  '--delta-base-offset',
  '--threads=1',
];
