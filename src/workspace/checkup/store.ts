import { messageOf } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import { SCHEMA_VERSION } from '../../store/upgrade.ts';
import { lookAtStore, type StoreLook } from '../../store/store-look.ts';
import { readMetadata } from '../config/metadata.ts';

/** The store of a workspace as it is, beside whoever works with it. */
export function lookAtWorkspaceStore(place: WorkspacePlace): StoreLook {
  try {
    return lookAtStore(place.file(readMetadata(place).database));
  } catch (error) {
    // Names that cannot be used: what is wrong with them is said where the files are looked at.
    return { kind: 'unreadable', problem: messageOf(error) };
  }
}

export function checkStore(look: StoreLook): Finding {
  const base = { category: 'Issues', name: 'Store' } as const;
  switch (look.kind) {
    case 'absent':
      return { ...base, status: 'ok', message: 'not there yet; the next command builds it' };
    case 'sound':
      return { ...base, status: 'ok', message: 'sound' };
    case 'unchecked':
      return { ...base, status: 'ok', message: `not looked through: it has ${look.bytes} bytes` };
    case 'newer':
      return {
        ...base,
        status: 'error',
        message: `it has schema ${look.version}, and this bd knows ${SCHEMA_VERSION}`,
        detail: 'A newer bd wrote it. Nothing was changed.',
        fix: 'npm install -g beads-daemon@latest',
      };
    case 'foreign':
      return {
        ...base,
        status: 'warning',
        message: 'it is no store of bd',
        detail: 'The next start puts it aside, and builds one from the mirror and the branch.',
        fix: 'bd daemon restart',
      };
    case 'damaged':
      return {
        ...base,
        status: 'error',
        message: `it is damaged: ${look.problem}`,
        detail: 'The next start puts it aside, and builds one from the mirror and the branch.',
        fix: 'bd daemon restart',
      };
    case 'unreadable':
      return { ...base, status: 'error', message: `it cannot be looked at: ${look.problem}` };
    default:
      return look satisfies never;
  }
}
