import { BdError } from '../core/errors.ts';
import { currentBranch, type Git } from './git.ts';

/**
 * The remote that the repository suggests: the one that the current branch follows, else `origin`, else
 * the only one. Undefined when there are several and nothing prefers one: the user has to name it.
 */
export async function findRemote(git: Git): Promise<string | undefined> {
  const [config, branch] = await Promise.all([
    git.run([
      'config',
      '-z',
      '--get-regexp',
      '^(remote\\..*\\.(url|pushurl)|branch\\..*\\.remote)$',
    ]),
    currentBranch(git),
  ]);
  const remotes = new Set<string>();
  const followed = new Map<string, string>();
  for (const entry of config.stdout.toString().split('\0')) {
    const [key = '', value = ''] = entry.split('\n');
    const remote = /^remote\.(.*)\.(?:url|pushurl)$/.exec(key)?.[1];
    const follower = /^branch\.(.*)\.remote$/.exec(key)?.[1];
    if (remote !== undefined) remotes.add(remote);
    if (follower !== undefined) followed.set(follower, value);
  }
  const upstream = branch === undefined ? undefined : followed.get(branch);
  if (upstream !== undefined && remotes.has(upstream)) return upstream;
  if (remotes.has('origin')) return 'origin';
  const [only] = remotes;
  return remotes.size === 1 ? only : undefined;
}

/**
 * `name`, if git has a remote of that name. The setting comes with a clone: a URL or path in it would let
 * a stranger choose where git connects to, and which program answers there.
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
