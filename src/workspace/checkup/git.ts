import { join, resolve, sep } from 'node:path';
import { toBdError } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import { editCommand, shellWord } from '../../core/shell-word.ts';
import type { Environment } from '../../platform/environment.ts';
import { openSharedGit, openWorktreeGit, type Git } from '../../git/git.ts';
import type { GitRepository } from '../../git/repository.ts';
import { checkedRemote, findRemote } from '../../git/remote.ts';
import type { Config } from '../config/config.ts';
import { isMergedByBd } from '../init/merge-settings.ts';

/** The oldest version with every option that bd uses (`fetch --no-write-fetch-head`). */
const GIT_VERSION_MIN = [2, 29] as const;

interface GitContext {
  repository: GitRepository;
  /** Undefined when it cannot be read. */
  config: Config | undefined;
  env: Environment;
}

/** Whether git can do what bd needs, and what the repository's settings make git run. Runs none of it. */
export async function checkGit({ repository, config, env }: GitContext): Promise<Finding[]> {
  const git = openWorktreeGit(repository, { env });
  const program = await checkProgram(git);
  if (program.status === 'error') return [program];
  const shared = openSharedGit(repository, { env });
  const settings = await checkGitSettings(shared, repository.topLevel);
  // Git reads its remote and its merge driver from the same settings.
  if (settings.status === 'error') return [program, settings];
  return [
    program,
    await checkRemote(shared, config),
    ...(await checkMergeDriver({ repository, config, env })),
    settings,
  ];
}

async function checkProgram(git: Git): Promise<Finding> {
  const base = { category: 'Git', name: 'git' } as const;
  try {
    const { stdout } = await git.run(['--version']);
    const [version = '', major = 0, minor = 0] = /(\d+)\.(\d+)\S*/.exec(stdout.toString()) ?? [];
    const [majorMin, minorMin] = GIT_VERSION_MIN;
    const isOld =
      Number(major) < majorMin || (Number(major) === majorMin && Number(minor) < minorMin);
    if (!isOld) return { ...base, status: 'ok', message: version };
    const message = `git ${version} is too old for bd to share issues: it needs ${GIT_VERSION_MIN.join('.')}`;
    return { ...base, status: 'warning', message, detail: 'Install a newer git.' };
  } catch (error) {
    const { message, remedy } = toBdError(error);
    return { ...base, status: 'error', message, detail: remedy };
  }
}

/** The setting can come with a clone, so bd uses only a remote that this repository has. */
async function checkRemote(git: Git, config: Config | undefined): Promise<Finding> {
  const base = { category: 'Git', name: 'Remote' } as const;
  const name = config?.text('sync.remote') ?? '';
  if (name === '') return { ...base, status: 'ok', message: (await findRemote(git)) ?? 'none' };
  try {
    return { ...base, status: 'ok', message: await checkedRemote(git, name) };
  } catch (error) {
    const { message } = toBdError(error);
    const detail = 'bd does not use it: a repository could name an address that runs programs.';
    return { ...base, status: 'warning', message, detail, fix: 'bd config unset sync.remote' };
  }
}

async function checkMergeDriver({ repository, config, env }: GitContext): Promise<Finding[]> {
  const base = { category: 'Git', name: 'Merging' } as const;
  const mode = config?.text('sync.mode') ?? 'branch';
  if (mode === 'branch') return [];
  if (await isMergedByBd(repository, env)) {
    return [{ ...base, status: 'ok', message: 'git merges issues with bd' }];
  }
  const message = 'git does not merge issues with bd in this clone';
  const detail = `Where two people changed the same issue, ${join('.beads', 'beads.jsonl')} gets conflict markers.`;
  return [{ ...base, status: 'warning', message, detail, fix: 'bd init' }];
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
async function checkGitSettings(git: Git, topLevel: string): Promise<Finding> {
  const base = { category: 'Git', name: 'Settings of git' } as const;
  const { exitCode, stdout, stderr } = await git.run(['config', '--local', '--list', '-z']);
  if (exitCode !== 0) {
    const message =
      stderr
        .trim()
        .split('\n')[0]
        ?.replace(/^(?:fatal|error): /, '') ?? '';
    const detail = 'Git itself works here only when that is corrected.';
    return {
      ...base,
      status: 'error',
      message,
      detail,
      fix: editCommand(join(git.gitDir, 'config')),
    };
  }
  const settings = stdout
    .toString()
    .split('\0')
    .filter(Boolean)
    .map((entry) => {
      const [key = '', ...value] = entry.split('\n');
      return { key, value: value.join('\n') };
    });
  const included = settings.find(
    ({ key, value }) => INCLUDE.test(key) && isInside(resolve(git.gitDir, value), topLevel),
  );
  if (included !== undefined) {
    return {
      ...base,
      status: 'warning',
      message: `${included.key} reads ${included.value}, a file of the working tree, as settings of git`,
      detail: 'A commit that changes that file can name programs that git then runs here.',
      fix: `git config --local --unset ${shellWord(included.key)}`,
    };
  }
  const ignored = settings.filter(({ key, value }) => IGNORED.test(key) || isProgram(key, value));
  const used = settings.filter(({ key }) => USED.test(key));
  const says = [
    ignored.length === 0 ? '' : `bd ignores ${names(ignored)}`,
    used.length === 0 ? '' : `git uses ${names(used)} to reach the remote`,
  ].filter(Boolean);
  const message = says.length === 0 ? 'they name no programs' : says.join('; ');
  return { ...base, status: 'ok', message };
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
