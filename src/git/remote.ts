import { BdError } from '../core/errors.ts';
import type { Git } from './git.ts';

/**
 * The remote that the repository suggests: the one the current branch follows, else `origin`, else
 * the only one there is. Several without a hint are no answer: the person has to name one.
 */
export async function findRemote(git: Git): Promise<string | undefined> {
  const [config, head] = await Promise.all([
    git.run([
      'config',
      '-z',
      '--get-regexp',
      '^(remote\\..*\\.(url|pushurl)|branch\\..*\\.remote)$',
    ]),
    git.run(['symbolic-ref', '--quiet', '--short', 'HEAD']),
  ]);
  const remotes = new Set<string>();
  const followed = new Map<string, string>();
  for (const entry of config.stdout.toString().split('\0')) {
    const [key = '', value = ''] = entry.split('\n');
    const remote = /^remote\.(.*)\.(?:url|pushurl)$/.exec(key)?.[1];
    const branch = /^branch\.(.*)\.remote$/.exec(key)?.[1];
    if (remote !== undefined) remotes.add(remote);
    if (branch !== undefined) followed.set(branch, value);
  }
  const upstream = followed.get(head.stdout.toString().trim());
  if (upstream !== undefined && remotes.has(upstream)) return upstream;
  if (remotes.has('origin')) return 'origin';
  const [only] = remotes;
  return remotes.size === 1 ? only : undefined;
}

/**
 * `name`, when git knows a remote of that name. The setting comes with a clone, so a URL or a path in it
 * would let a stranger choose where git goes, and which program answers there.
 */
export async function checkedRemote(git: Git, name: string): Promise<string> {
  const { stdout } = await git.run(['remote']);
  const remotes = stdout.toString().split('\n').filter(Boolean);
  if (remotes.includes(name)) return name;
  throw new BdError('SYNC_BLOCKED', {
    message: `sync.remote is ${JSON.stringify(name)}, and this repository has no remote of that name`,
    remedy: `Set it to one of: ${remotes.join(', ') || '(there is none)'}; or \`bd config unset sync.remote\`.`,
  });
}
