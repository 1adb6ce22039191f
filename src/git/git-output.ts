import { BdError } from '../core/errors.ts';
import { gitCommandName, type Git, type GitResult, type GitLocalOptions } from './git.ts';
import { isDiskFull, MAKE_SPACE } from '../platform/full-disk.ts';

/** What a call prints that is not expected to fail, without its last line end. */
export async function gitOutput(
  git: Git,
  args: readonly string[],
  options?: GitLocalOptions,
): Promise<string> {
  const result = await git.run(args, options);
  if (result.exitCode !== 0) throw gitError(git, args, result);
  return result.stdout.toString().replace(/\n$/, '');
}

export function gitError(
  git: Git,
  args: readonly string[],
  { exitCode, stderr }: GitResult,
): BdError {
  const reason = stderr.trim().split('\n')[0] || `exit code ${exitCode}`;
  return new BdError('SYNC_FAILED', {
    message: `git ${gitCommandName(args)} failed in ${git.gitDir}: ${reason}`,
    remedy: isDiskFull(stderr)
      ? MAKE_SPACE
      : 'Check that the repository is writable and sound (`git fsck`), then run `bd sync`.',
    details: { stderr },
  });
}
