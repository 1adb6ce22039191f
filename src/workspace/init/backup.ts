import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BdError } from '../../core/errors.ts';
import { timestampAt } from '../../core/timestamp.ts';
import type { Environment } from '../../platform/environment.ts';
import { writeFileAtomically } from '../../platform/files.ts';
import type { Change } from './change.ts';

export interface Backup extends Change {
  path: string;
}

/** A copy of the issues beside the registry: a place of bd's own, outside of what is given back. */
export function planBackup({
  beadsDir,
  issues,
  count,
  env,
  nowMs,
}: {
  beadsDir: string;
  issues: Buffer;
  /** Of those in `issues` that are nowhere else. */
  count: number;
  env: Environment;
  nowMs: number;
}): Backup {
  const home = env['HOME'] ?? env['USERPROFILE'];
  if (home === undefined) {
    throw new BdError('NOT_SHARED', {
      message: `there is no home directory to save ${issuesInWords(count)} in`,
      remedy: 'Set HOME, or share the issues with `bd sync` first.',
    });
  }
  const directory = join(home, '.beads', 'removed');
  const stamp = timestampAt(nowMs).slice(0, 19).replaceAll(':', '');
  const path = join(directory, `${basename(dirname(beadsDir))}-${stamp}.jsonl`);
  return {
    path,
    says: `saved ${issuesInWords(count)} in ${path}`,
    async make() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFileAtomically(path, issues, { mode: 0o600 });
    },
  };
}

export function refuseLoss(count: number): BdError {
  return new BdError('NOT_SHARED', {
    message: `${issuesInWords(count)} would be lost: this workspace alone has ${count === 1 ? 'it' : 'them'}`,
    remedy:
      'Share them with `bd sync` or keep them with `bd export -o FILE`; --force leaves a copy in ~/.beads/removed.',
  });
}

function issuesInWords(count: number): string {
  return count === 1 ? '1 changed issue' : `${count} changed issues`;
}
