import type { Losses } from './conflict-events.ts';
import type { MovedIssue } from './id-move.ts';
import type { LineProblem } from './quarantine.ts';

/** What became of issues whose versions were joined, where people should hear of it. */
export interface JoinEffects extends Losses {
  /** Issues that got another id, because somebody else had created one with theirs. */
  moved: MovedIssue[];
}

/** What taking in lines brought that people should hear of. */
export interface JoinNews extends JoinEffects {
  /** Lines that could not be read; `quarantine` is the file that keeps them. */
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

/** In one line; undefined when there is nothing to say. */
export function joinNotice(source: string, news: JoinNews): string | undefined {
  const parts = [quarantineNotice(source, news), ...joinSentences(news)].filter(
    (part) => part !== undefined,
  );
  return parts.length === 0 ? undefined : parts.join('; ');
}

/** One each, for what the joined issues brought; what could not be read is told by its file. */
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
