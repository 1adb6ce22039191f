import { listConflicts } from '../../core/causal/conflicts.ts';
import { fieldName } from '../../core/causal/field-name.ts';
import type { IssueState, Sibling } from '../../core/causal/issue-state.ts';
import { shownSibling } from '../../core/causal/shown.ts';
import { isSameDot } from '../../core/causal/dot.ts';
import type { Origin } from '../../store/change.ts';
import type { Store } from '../../store/store.ts';

export interface LostClaim {
  issueId: string;
  /** Who claimed it first, and who claimed it here. */
  winner: string;
  loser: string;
}

/** What a join brought that people should hear of. */
export interface Losses {
  /** Claims of ours that came after somebody else's. */
  lostClaims: LostClaim[];
  /** Issues in which two clones made different writes under one name: one is a copy of the other. */
  doubled: string[];
}

/** Logs what a join left for people to decide, and adds to `losses` what is to be said at once. */
export function logConflicts(
  store: Store,
  { before, after }: { before: IssueState; after: IssueState },
  { origin, nowMs, losses }: { origin: Origin; nowMs: number; losses: Losses },
): void {
  const known = new Set(listConflicts(before).map(({ key }) => key));
  const news = listConflicts(after).filter(({ key }) => !known.has(key));
  const event = { origin, actor: '', atMs: nowMs };
  if (news.length > 0) {
    const fields = [...new Set(news.map(({ key }) => fieldName(key)))];
    store.events.append(after.id, { ...event, kind: 'conflicted' }, { fields });
  }
  if (news.some(({ kind }) => kind === 'duplicate-dot')) losses.doubled.push(after.id);
  const lost = lostClaim(before, after, store.replica.id());
  if (lost === undefined) return;
  const { winner, loser } = lost;
  store.events.append(after.id, { ...event, kind: 'claim_lost', actor: loser }, { winner, loser });
  losses.lostClaims.push(lost);
}

/** Ours was shown, still stands, and an earlier one is shown instead. */
function lostClaim(before: IssueState, after: IssueState, replica: string): LostClaim | undefined {
  const ours = shownClaim(before);
  const theirs = shownClaim(after);
  if (ours === undefined || theirs === undefined || ours.replica !== replica) return undefined;
  const stands = after.entries.get('claim')?.some((sibling) => isSameDot(sibling, ours)) === true;
  const [loser, winner] = [ours.value ?? '', theirs.value ?? ''] as [string, string];
  if (!stands || isSameDot(ours, theirs) || loser === winner || loser === '') return undefined;
  return { issueId: after.id, winner, loser };
}

function shownClaim({ entries }: IssueState): Sibling | undefined {
  const siblings = entries.get('claim');
  return siblings === undefined ? undefined : shownSibling('claim', siblings);
}
