import { join, resolve, sep } from 'node:path';
import type { Finding } from '../../core/finding.ts';
import { editCommand, shellWord } from '../../core/shell-word.ts';
import type { Git } from '../../git/git.ts';

/** Settings that name programs, by git's lower-case keys; none of them runs when bd uses git. */
const IGNORED =
  /^(?:alias\..*|core\.(?:fsmonitor|hookspath|editor|pager|askpass|alternaterefscommand)|sequence\.editor|filter\..*\.(?:clean|smudge|process)|gpg(?:\..*)?\.program|diff\.(?:external|.*\.(?:command|textconv))|merge\.(?!beads\.).*\.driver|interactive\.difffilter|pager\..*|uploadpack\.packobjectshook)$/;

/** Git runs these itself to reach the remote: the person's own way to log in. */
const USED =
  /^(?:core\.(?:sshcommand|gitproxy)|credential(?:\..*)?\.helper|remote\..*\.(?:uploadpack|receivepack|proxy|vcs))$/;

const INCLUDE = /^include(?:if\..*)?\.path$/;

/**
 * What `.git/config` names to be run. It is this clone's own, never a remote's: bd says what it ignores.
 * Only a file of the working tree that is read as settings comes with a clone.
 */
export async function checkGitSettings(git: Git, topLevel: string): Promise<Finding> {
  const base = { category: 'Git', name: 'Settings of git' } as const;
  const { exitCode, stdout, stderr } = await git.run(['config', '--local', '--list', '-z']);
  if (exitCode !== 0) {
    const message =
      stderr
        .trim()
        .split('\n')[0]
        ?.replace(/^(?:fatal|error): /, '') ?? '';
    const detail = 'Git itself works here only when that is mended.';
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
      detail:
        'Whoever changes that file in the repository can name programs that git then runs here.',
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

/** An address that starts a program; git is told never to use such a one. */
function isProgram(key: string, value: string): boolean {
  return value.startsWith('ext::') || key.startsWith('url.ext::');
}

function names(settings: readonly { key: string }[]): string {
  return [...new Set(settings.map(({ key }) => key))].join(', ');
}

function isInside(path: string, directory: string): boolean {
  return path.startsWith(`${directory}${sep}`) && !path.startsWith(`${directory}${sep}.git${sep}`);
}
