import { join, resolve, sep } from 'node:path';
import { toBdError } from '../../core/errors.ts';
import { ok, problem, type Verdict } from '../../core/finding.ts';
import { editCommand, shellWord } from '../../core/shell-word.ts';
import type { Environment } from '../../platform/environment.ts';
import { openSharedGit, openWorktreeGit, parseSettings, type Git } from '../../git/git.ts';
import type { GitRepository } from '../../git/repository.ts';
import { checkedRemote, findRemote } from '../../git/remote.ts';
import type { Config } from '../config/config.ts';
import { isMergedByBd } from '../init/merge-settings.ts';

/** The oldest version with every option that bd uses (`fetch --no-write-fetch-head`). */
const GIT_VERSION_MIN = [2, 29] as const;

/** Whether git can do what bd needs, and what the repository's settings make git run. Runs none of it. */
export async function checkGit(
  repository: GitRepository,
  /** `config` is undefined when it cannot be read. */
  { config, env }: { config: Config | undefined; env: Environment },
): Promise<Record<string, Verdict>> {
  const program = await checkProgram(openWorktreeGit(repository, { env }));
  if (program.status === 'error') return { git: program };
  const shared = openSharedGit(repository, { env });
  const settings = await checkGitSettings(shared, repository.topLevel);
  // Git reads its remote and its merge driver from the same settings.
  if (settings.status === 'error') return { git: program, 'Settings of git': settings };
  const isMirrorShared = (config?.text('sync.mode') ?? 'branch') !== 'branch';
  return {
    git: program,
    Remote: await checkRemote(shared, config),
    ...(isMirrorShared ? { Merging: await checkMergeDriver(repository, env) } : {}),
    'Settings of git': settings,
  };
}

async function checkProgram(git: Git): Promise<Verdict> {
  try {
    const { stdout } = await git.run(['--version']);
    const [version = '', major = 0, minor = 0] = /(\d+)\.(\d+)\S*/.exec(stdout.toString()) ?? [];
    const [majorMin, minorMin] = GIT_VERSION_MIN;
    const isOld =
      Number(major) < majorMin || (Number(major) === majorMin && Number(minor) < minorMin);
    if (!isOld) return ok(version);
    const needed = GIT_VERSION_MIN.join('.');
    return problem(
      'warning',
      `git ${version} is too old for bd to share issues: it needs ${needed}`,
      {
        detail: 'Install a newer git.',
      },
    );
  } catch (error) {
    const { message, remedy } = toBdError(error);
    return problem('error', message, { detail: remedy });
  }
}

/** The setting can come with a clone, so bd uses only a remote that this repository has. */
async function checkRemote(git: Git, config: Config | undefined): Promise<Verdict> {
  const name = config?.text('sync.remote') ?? '';
  if (name === '') return ok((await findRemote(git)) ?? 'none');
  try {
    return ok(await checkedRemote(git, name));
  } catch (error) {
    return problem('warning', toBdError(error).message, {
      detail: 'bd does not use it: a repository could name an address that runs programs.',
      fix: 'bd config unset sync.remote',
    });
  }
}

async function checkMergeDriver(repository: GitRepository, env: Environment): Promise<Verdict> {
  if (await isMergedByBd(repository, env)) return ok('git merges issues with bd');
  const mirror = join('.beads', 'beads.jsonl');
  return problem('warning', 'git does not merge issues with bd in this clone', {
    detail: `Where two people changed the same issue, ${mirror} gets conflict markers.`,
    fix: 'bd init',
  });
}

/** Settings that name programs, by git's lower-case keys. None of these runs when bd uses git. */
const IGNORED =
  /^(?:alias\..*|core\.(?:fsmonitor|hookspath|editor|pager|askpass|alternaterefscommand)|sequence\.editor|filter\..*\.(?:clean|smudge|process)|gpg(?:\..*)?\.program|diff\.(?:external|.*\.(?:command|textconv))|merge\.(?!beads\.).*\.driver|interactive\.difffilter|pager\..*|uploadpack\.packobjectshook)$/;

/** Git runs these to reach the remote: they are how the person logs in. */
const USED =
  /^(?:core\.(?:sshcommand|gitproxy)|credential(?:\..*)?\.helper|remote\..*\.(?:uploadpack|receivepack|proxy|vcs))$/;

const INCLUDE = /^include(?:if\..*)?\.path$/;

/**
 * The programs that `.git/config` names. That file is never cloned, so this only says which of them bd
 * ignores. A file of the working tree that is included as settings, however, does come with a clone.
 */
async function checkGitSettings(git: Git, topLevel: string): Promise<Verdict> {
  const { exitCode, stdout, stderr } = await git.run(['config', '--local', '--list', '-z']);
  if (exitCode !== 0) {
    const [said = ''] = stderr.trim().split('\n');
    return problem('error', said.replace(/^(?:fatal|error): /, ''), {
      detail: 'Git itself works here only when that is corrected.',
      fix: editCommand(join(git.gitDir, 'config')),
    });
  }
  const settings = parseSettings(stdout);
  const included = settings.find(
    ({ key, value }) => INCLUDE.test(key) && isInside(resolve(git.gitDir, value), topLevel),
  );
  if (included !== undefined) {
    const { key, value } = included;
    return problem(
      'warning',
      `${key} reads ${value}, a file of the working tree, as settings of git`,
      {
        detail: 'A commit that changes that file can name programs that git then runs here.',
        fix: `git config --local --unset ${shellWord(key)}`,
      },
    );
  }
  const ignored = settings.filter(({ key, value }) => IGNORED.test(key) || isProgram(key, value));
  const used = settings.filter(({ key }) => USED.test(key));
  const says = [
    ignored.length === 0 ? '' : `bd ignores ${names(ignored)}`,
    used.length === 0 ? '' : `git uses ${names(used)} to reach the remote`,
  ].filter(Boolean);
  return ok(says.length === 0 ? 'they name no programs' : says.join('; '));
}

/** An address that starts a program; bd tells git never to use one. */
function isProgram(key: string, value: string): boolean {
  return value.startsWith('ext::') || key.startsWith('url.ext::');
}

function names(settings: readonly { key: string }[]): string {
  return [...new Set(settings.map(({ key }) => key))].join(', ');
}

function isInside(path: string, directory: string): boolean {
  return path.startsWith(`${directory}${sep}`) && !path.startsWith(`${directory}${sep}.git${sep}`);
}
