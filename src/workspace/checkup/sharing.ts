import type { Finding } from '../../core/finding.ts';
import { OVERDUE_AFTER_MS } from '../../core/limits.ts';
import type { SharingState, SyncMode, SyncStatus } from '../../core/sharing.ts';
import type { StoreLook } from '../../store/store-look.ts';
import { readSyncMemory, type SyncMemory } from '../../sync/sync-memory.ts';

/** How sharing stands, by the daemon's word, or by what the store remembers. */
export function checkSharing(standing: Standing): Finding {
  const base = { category: 'Issues', name: 'Sharing' } as const;
  const { state, pending, error, remedy, waitedMs } = standing;
  const isOverdue = waitedMs >= OVERDUE_AFTER_MS && !SETTLED.has(state);
  if (error !== null && (state !== 'offline' || isOverdue)) {
    const detail = remedy === null ? {} : { detail: remedy };
    return { ...base, status: 'warning', message: error, ...detail, fix: 'bd sync' };
  }
  const waiting = `${pending} ${pending === 1 ? 'change waits' : 'changes wait'}`;
  if (isOverdue) {
    const message = `${waiting}, since ${Math.round(waitedMs / 60_000)} minutes`;
    return { ...base, status: 'warning', message, fix: 'bd sync' };
  }
  const message = WORDS[state] ?? (pending === 0 ? 'nothing waits' : waiting);
  return { ...base, status: 'ok', message };
}

export interface Standing {
  state: SharingState;
  pending: number;
  /** How long the oldest has waited. */
  waitedMs: number;
  error: string | null;
  remedy: string | null;
}

export function standingOf({ oldest_pending_s: waitedS, ...status }: SyncStatus): Standing {
  return { ...status, waitedMs: (waitedS ?? 0) * 1000 };
}

/** The same from the store alone, where no daemon answers. */
export function rememberedStanding(
  look: StoreLook,
  { mode, pushes, nowMs }: { mode: SyncMode; pushes: boolean; nowMs: number },
): Standing {
  const memory = look.kind === 'sound' ? readSyncMemory({ get: () => look.syncMemory }) : {};
  const { pending, oldestMs } =
    look.kind === 'sound' ? look.outbox : { pending: 0, oldestMs: undefined };
  return {
    state: rememberedState(memory, { mode, pushes, pending }),
    pending,
    waitedMs: oldestMs === undefined ? 0 : Math.max(0, nowMs - oldestMs),
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

const SETTLED = new Set<SharingState>(['ok', 'no_remote', 'off', 'by_hand']);

const WORDS: Partial<Record<SharingState, string>> = {
  no_remote: 'no remote is used; everything stays in this repository',
  off: 'it is off (sync.push is false)',
  by_hand: 'the issues go with your own commits',
  ok: 'all is shared',
};
