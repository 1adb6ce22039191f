import { OVERDUE_NOTICE_INTERVAL_MS } from '../../core/limits.ts';
import { isOverdue } from '../../core/sharing.ts';
import { timestampAt } from '../../core/timestamp.ts';
import type { Overdue } from '../../protocol/methods/workspace.ts';
import type { Operations } from './operation.ts';

/** When somebody was told last; in the store, as each command without daemon is a process of its own. */
const TOLD = 'overdue_told_ms';

export const overdueOperations: Operations<'take_overdue_notice'> = {
  take_overdue_notice({ sync, store, clock }) {
    const status = sync.status();
    const { pending, oldest_pending_s: waited, error } = status;
    if (waited === null || !isOverdue(status)) return nothing;
    const nowMs = clock.nowMs();
    const sinceMs = nowMs - Number(store.settings.get(TOLD) ?? Number.NEGATIVE_INFINITY);
    // A clock that went back does not silence it.
    if (sinceMs >= 0 && sinceMs < OVERDUE_NOTICE_INTERVAL_MS) return nothing;
    store.settings.set(TOLD, String(nowMs));
    const since = timestampAt(nowMs - waited * 1000);
    return { overdue: { pending, since, error } satisfies Overdue };
  },
};

const nothing = { overdue: null };
