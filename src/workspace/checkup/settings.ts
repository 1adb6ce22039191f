import { toBdError } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import { editCommand, shellWord } from '../../core/shell-word.ts';
import type { Config } from '../config/config.ts';

export function checkSettings(
  path: string,
  { config, problem }: { config: Config | undefined; problem: unknown },
): Finding {
  const base = { category: 'Workspace', name: 'Settings' } as const;
  if (config !== undefined) return { ...base, status: 'ok', message: 'they can be read' };
  const { message, remedy } = toBdError(problem);
  return { ...base, status: 'error', message, detail: remedy, fix: fixFor(message, path) };
}

/** A wrong value is unset; a file that is no list of settings can only be edited. */
function fixFor(message: string, path: string): string {
  const [, key, source = ''] = /^(\S+) is ".*" \(from (.*)\)$/s.exec(message) ?? [];
  if (key === undefined) return editCommand(path);
  return /^[A-Z_]+$/.test(source) ? `unset ${source}` : `bd config unset ${shellWord(key)}`;
}
