import type { Finding } from '../../core/finding.ts';
import {
  isOverdue,
  sharingFailure,
  type SharingState,
  type SharingStanding,
  type SyncMode,
} from '../../core/sharing.ts';
import type { StoreLook } from '../../store/store-look.ts';
import { readSyncMemory, type SyncMemory } from '../../sync/sync-memory.ts';

/** How sharing stands, by the daemon's word, or by what the store remembers. */
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
    const message = `${waiting}, since ${Math.round((waitedS ?? 0) / 60)} minutes`;
    return { ...base, status: 'warning', message, fix: 'bd sync' };
  }
  const message = WORDS[state] ?? (pending === 0 ? 'nothing waits' : waiting);
  return { ...base, status: 'ok', message };
}

/** The same from the store alone, where no daemon answers. */
export function rememberedStanding(
  look: StoreLook,
  { mode, pushes, nowMs }: { mode: SyncMode; pushes: boolean; nowMs: number },
): SharingStanding {
  const memory = look.kind === 'sound' ? readSyncMemory({ get: () => look.syncMemory }) : {};
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
  // Nobody has looked for a remote yet.
  if (lastEnd === 'no_remote' || lastEnd === undefined) return 'no_remote';
  return pending > 0 ? 'pending' : 'ok';
}

const WORDS: Partial<Record<SharingState, string>> = {
  no_remote: 'no remote is used; everything stays in this repository',
  off: 'it is off (sync.push is false)',
  by_hand: 'the issues go with your own commits',
  ok: 'all is shared',
};
