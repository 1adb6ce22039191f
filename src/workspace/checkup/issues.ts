import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { decodeLine } from '../../core/causal/decode-line.ts';
import { messageOf } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import { MIRROR_CHECK_BYTES_MAX } from '../../core/limits.ts';
import {
  isOverdue,
  sharingFailure,
  type SharingStanding,
  type SharingState,
  type SyncMode,
} from '../../core/sharing.ts';
import { shellWord } from '../../core/shell-word.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import { asideMs } from '../../store/open-files.ts';
import { lookAtStore, type StoreLook } from '../../store/store-look.ts';
import { SCHEMA_VERSION } from '../../store/schema.ts';
import { hasConflictMarkers, readIssueLines } from '../../sync/intake/issue-lines.ts';
import { listQuarantine } from '../../sync/intake/unreadable-lines.ts';
import { readSyncMemory, type SyncMemory } from '../../sync/sync-state.ts';
import { readMetadata } from '../config/metadata.ts';

/** The store as it is now, while another process may be working with it. */
export function lookAtWorkspaceStore(place: WorkspacePlace): StoreLook {
  try {
    return lookAtStore(place.file(readMetadata(place).database));
  } catch (error) {
    // The metadata has an unusable name; the check of the files reports that.
    return { kind: 'unreadable', problem: messageOf(error) };
  }
}

const REBUILD = 'The next start puts it aside, and builds one from the mirror and the branch.';

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
    case 'outdated': {
      const message = `it has schema ${look.version}, from before the first release`;
      return { ...base, status: 'warning', message, detail: REBUILD, fix: 'bd daemon restart' };
    }
    case 'foreign': {
      const message = 'it is no store of bd';
      return { ...base, status: 'warning', message, detail: REBUILD, fix: 'bd daemon restart' };
    }
    case 'damaged': {
      const message = `it is damaged: ${look.problem}`;
      return { ...base, status: 'error', message, detail: REBUILD, fix: 'bd daemon restart' };
    }
    case 'unreadable':
      return { ...base, status: 'error', message: `it cannot be looked at: ${look.problem}` };
    default:
      return look satisfies never;
  }
}

/** Whether bd will be able to read the mirror. */
export function checkMirror(place: WorkspacePlace, nowMs: number): Finding {
  const base = { category: 'Issues', name: 'Mirror' } as const;
  const path = place.file(readMetadata(place).jsonl_export);
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (file === undefined) {
    return { ...base, status: 'ok', message: 'not there yet; the next change writes it' };
  }
  if (!file.isFile()) {
    const fix = `mv ${shellWord(path)} ${shellWord(path)}.aside`;
    return { ...base, status: 'error', message: `${path} is no file`, fix };
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
    detail: 'bd keeps them unchanged in a file of their own when it reads the mirror.',
    fix: 'bd sync',
  };
}

/** Lines, and whole stores, that bd could not read and kept. */
export function checkKeptAside({ beadsDir, quarantineDirectory }: WorkspacePlace): Finding {
  const base = { category: 'Issues', name: 'Kept aside' } as const;
  const files = listQuarantine(quarantineDirectory);
  const [first] = files;
  if (first !== undefined) {
    return {
      ...base,
      status: 'warning',
      message: `lines that could not be read are kept in ${quarantineDirectory}: ${files.join(', ')}`,
      detail: 'Correct them, take them in, and remove the file.',
      fix: `bd import -i ${shellWord(join(quarantineDirectory, first))}`,
    };
  }
  const stores = readdirSync(beadsDir).filter((name) => asideMs(name) !== undefined);
  const message =
    stores.length === 0 ? 'nothing' : `stores that could not be used: ${stores.join(', ')}`;
  return { ...base, status: 'ok', message };
}

/** How sharing goes, as the daemon says or the store remembers. */
export function checkSharing(standing: SharingStanding): Finding {
  const base = { category: 'Issues', name: 'Sharing' } as const;
  const { state, pending, oldest_pending_s: waitedS, remedy } = standing;
  const failure = sharingFailure(standing);
  if (failure !== undefined) {
    const detail = remedy === null ? {} : { detail: remedy };
    return { ...base, status: 'warning', message: failure, ...detail, fix: 'bd sync' };
  }
  const waiting = `${pending} ${pending === 1 ? 'change waits' : 'changes wait'}`;
  if (isOverdue(standing)) {
    const message = `${waiting}, for ${Math.round((waitedS ?? 0) / 60)} minutes now`;
    return { ...base, status: 'warning', message, fix: 'bd sync' };
  }
  const message = WORDS[state] ?? (pending === 0 ? 'nothing waits' : waiting);
  return { ...base, status: 'ok', message };
}

const WORDS: Partial<Record<SharingState, string>> = {
  no_remote: 'no remote is used; everything stays in this repository',
  off: 'it is off (sync.push is false)',
  by_hand: 'the issues go with your own commits',
  ok: 'all is shared',
};

/** How sharing goes by the store alone, when no daemon answers. */
export function rememberedStanding(
  look: StoreLook,
  { mode, pushes, nowMs }: { mode: SyncMode; pushes: boolean; nowMs: number },
): SharingStanding {
  const memory = look.kind === 'sound' ? readSyncMemory(look.syncMemory) : {};
  const { pending, oldestMs } =
    look.kind === 'sound' ? look.outbox : { pending: 0, oldestMs: undefined };
  return {
    state: rememberedState(memory, { mode, pushes, pending }),
    pending,
    oldest_pending_s: oldestMs === undefined ? null : Math.max(0, nowMs - oldestMs) / 1000,
    error: memory.failure?.message ?? null,
    remedy: memory.failure?.remedy ?? null,
  };
}

function rememberedState(
  { failure, lastEnd }: SyncMemory,
  { mode, pushes, pending }: { mode: SyncMode; pushes: boolean; pending: number },
): SharingState {
  if (failure !== undefined) return failure.kind;
  if (mode === 'worktree') return 'by_hand';
  if (!pushes) return 'off';
  // Undefined before the first cycle, which looks for a remote.
  if (lastEnd === 'no_remote' || lastEnd === undefined) return 'no_remote';
  return pending > 0 ? 'pending' : 'ok';
}
