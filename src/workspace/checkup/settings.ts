import { toBdError } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import { shellWord } from '../../core/shell-word.ts';
import type { Config } from '../config.ts';

export function checkSettings(config: Config | undefined, problem: unknown): Finding {
  const base = { category: 'Workspace', name: 'Settings' } as const;
  if (config !== undefined) return { ...base, status: 'ok', message: 'they can be read' };
  const { message, remedy } = toBdError(problem);
  return { ...base, status: 'error', message, detail: remedy, fix: fixFor(message) };
}

/** A wrong value is unset; a file that is no list of settings can only be edited. */
function fixFor(message: string): string {
  const [, key, source = ''] = /^(\S+) is ".*" \(from (.*)\)$/s.exec(message) ?? [];
  if (key === undefined) return 'git diff -- .beads/config.yaml';
  return /^[A-Z_]+$/.test(source) ? `unset ${source}` : `bd config unset ${shellWord(key)}`;
}
