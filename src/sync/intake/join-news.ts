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

/** What users should know about the issues that were joined. */
export interface JoinEffects {
  moved: MovedIssue[];
  /** Claims made here after an earlier claim elsewhere. */
  lostClaims: LostClaim[];
  /** Issues in which two copies of one clone made different writes under the same name. */
  doubled: string[];
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
