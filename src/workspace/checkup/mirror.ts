import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { decodeLine } from '../../core/causal/decode-line.ts';
import type { Finding } from '../../core/finding.ts';
import { MIRROR_CHECK_BYTES_MAX } from '../../core/limits.ts';
import { shellWord } from '../../core/shell-word.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import { isAside } from '../../store/open-files.ts';
import { hasConflictMarkers, readIssueLines } from '../../sync/intake/issue-lines.ts';
import { readMetadata } from '../config/metadata.ts';

/** Whether the mirror can be read, as bd will read it. */
export function checkMirror(place: WorkspacePlace, nowMs: number): Finding {
  const base = { category: 'Issues', name: 'Mirror' } as const;
  const path = place.file(readMetadata(place).jsonl_export);
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (file === undefined) {
    return { ...base, status: 'ok', message: 'not there yet; the next change writes it' };
  }
  if (!file.isFile()) {
    const message = `${path} is no file`;
    return {
      ...base,
      status: 'error',
      message,
      fix: `mv ${shellWord(path)} ${shellWord(path)}.aside`,
    };
  }
  if (file.size > MIRROR_CHECK_BYTES_MAX) {
    return { ...base, status: 'ok', message: `not looked through: it has ${file.size} bytes` };
  }
  const content = readFileSync(path);
  if (hasConflictMarkers(content)) {
    return {
      ...base,
      status: 'warning',
      message: `${basename(path)} has conflict markers that git left`,
      detail: 'bd takes in both sides.',
      fix: 'bd sync',
    };
  }
  const broken = [...readIssueLines(content)].filter(
    ({ text }) => text === undefined || decodeLine(text, nowMs).kind === 'unreadable',
  );
  const [first] = broken;
  if (first === undefined) return { ...base, status: 'ok', message: basename(path) };
  return {
    ...base,
    status: 'warning',
    message: `${broken.length} lines of ${basename(path)} cannot be read, the first is line ${first.number}`,
    detail: 'They are kept aside, word for word, when bd takes the file in.',
    fix: 'bd sync',
  };
}

/** Lines, and whole stores, that bd could not read and kept. */
export function checkKeptAside({ beadsDir, quarantineDirectory }: WorkspacePlace): Finding {
  const base = { category: 'Issues', name: 'Kept aside' } as const;
  const files = existsSync(quarantineDirectory) ? readdirSync(quarantineDirectory).sort() : [];
  const [first] = files;
  if (first !== undefined) {
    return {
      ...base,
      status: 'warning',
      message: `lines that could not be read are kept in ${quarantineDirectory}: ${files.join(', ')}`,
      detail: 'Mend them, take them in, and remove the file.',
      fix: `bd import -i ${shellWord(join(quarantineDirectory, first))}`,
    };
  }
  const stores = readdirSync(beadsDir).filter(isAside);
  const message =
    stores.length === 0 ? 'nothing' : `stores that could not be used: ${stores.join(', ')}`;
  return { ...base, status: 'ok', message };
}
