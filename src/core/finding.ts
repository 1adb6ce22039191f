/** What `bd doctor` says about one thing that it looked at. */
export interface Finding {
  category: 'Workspace' | 'Issues' | 'Git' | 'Daemon';
  name: string;
  status: 'ok' | 'warning' | 'error';
  message: string;
  detail?: string | undefined;
  /** The one command that mends it. */
  fix?: string | undefined;
}

export type Verdict = Omit<Finding, 'category' | 'name'>;

export function ok(message: string): Verdict {
  return { status: 'ok', message };
}

export function problem(
  status: 'warning' | 'error',
  message: string,
  advice: Pick<Finding, 'detail' | 'fix'> = {},
): Verdict {
  return { status, message, ...advice };
}

/** The findings of a category, from the verdicts by name. */
export function findings(
  category: Finding['category'],
  verdicts: Readonly<Record<string, Verdict>>,
): Finding[] {
  return Object.entries(verdicts).map(([name, verdict]) => ({ category, name, ...verdict }));
}
