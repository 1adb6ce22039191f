import { relative, sep } from 'node:path';
import type { Environment } from '../platform/environment.ts';
import { createGit } from './git.ts';
import type { GitRepository } from './repository.ts';

/**
 * The files in `directory` that the last commit of this working tree has: their paths in it, each with the
 * name of its blob. Does not look at the index.
 */
export async function listCommitted(
  { gitDir, topLevel }: GitRepository,
  directory: string,
  { env }: { env: Environment },
): Promise<ReadonlyMap<string, string>> {
  const git = createGit({ gitDir, directory: topLevel, env });
  const place = relative(topLevel, directory).split(sep).join('/');
  const { stdout } = await git.run(['ls-tree', '-r', '-z', '--full-tree', 'HEAD', '--', place]);
  const entries = stdout.toString().split('\0').filter(Boolean);
  return new Map(
    entries.map((entry) => {
      const [facts = '', path = ''] = entry.split('\t');
      return [path.slice(place.length + 1), facts.split(' ')[2] ?? ''];
    }),
  );
}
