import { listConflicts } from '../../core/causal/conflicts.ts';
import { fieldName } from '../../core/causal/field-key.ts';
import type { IssueState, Sibling } from '../../core/causal/issue-state.ts';
import { shownSibling } from '../../core/causal/shown.ts';
import { isSameDot } from '../../core/causal/dot.ts';
import type { Origin } from '../../store/change.ts';
import type { Store } from '../../store/store.ts';
import type { LineProblem } from './unreadable-lines.ts';

/** An issue that got another id, because another clone had created one with the same id. */
export interface MovedIssue {
  from: string;
  to: string;
}

export interface LostClaim {
  issueId: string;
  /** Who claimed it first, and who claimed it here. */
  winner: string;
  loser: string;
}

/** What users should know about a join of two versions. */
export interface Losses {
  /** Claims made here after an earlier claim elsewhere. */
  lostClaims: LostClaim[];
  /** Issues in which two copies of one clone made different writes under the same name. */
  doubled: string[];
}

/** What users should know about the issues that were joined. */
export interface JoinEffects extends Losses {
  moved: MovedIssue[];
}

/** What users should know about lines that were taken in. */
export interface JoinNews extends JoinEffects {
  /** Lines that could not be read; `quarantine` is the file with them. */
  problems: LineProblem[];
  quarantine: string | undefined;
}

export function noEffects(): JoinEffects {
  return { moved: [], lostClaims: [], doubled: [] };
}

export function noNews(): JoinNews {
  return { problems: [], quarantine: undefined, ...noEffects() };
}

export function addEffects(to: JoinEffects, { moved, lostClaims, doubled }: JoinEffects): void {
  to.moved.push(...moved);
  to.lostClaims.push(...lostClaims);
  to.doubled.push(...doubled);
}

/** One line for the user; undefined when there is nothing to say. */
export function joinNotice(source: string, news: JoinNews): string | undefined {
  const parts = [quarantineNotice(source, news), ...joinSentences(news)].filter(
    (part) => part !== undefined,
  );
  return parts.length === 0 ? undefined : parts.join('; ');
}

/** One sentence for each effect. */
export function joinSentences({ moved, lostClaims, doubled }: JoinEffects): string[] {
  return [
    ...moved.map(({ from, to }) => `${from} was created twice; the later one is ${to} now`),
    ...lostClaims.map(
      ({ issueId, winner, loser }) => `${winner} had claimed ${issueId} before ${loser}`,
    ),
    ...doubled.map((id) => `${id} was written by two copies of one clone; both versions are kept`),
  ];
}

function quarantineNotice(source: string, { problems, quarantine }: JoinNews): string | undefined {
  const [first] = problems;
  if (first === undefined) return undefined;
  const count = problems.length === 1 ? '1 line' : `${problems.length} lines`;
  return `${count} of ${source} could not be read (line ${first.line}: ${first.problem}) and are kept in ${quarantine ?? 'the quarantine'}`;
}

/** Logs new conflicts as events, and adds to `losses` what users should know at once. */
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

/** Our claim was shown and still exists, and an earlier one is shown instead. */
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
