import { toBdError } from '../../core/errors.ts';

/** A change to a person's files or settings. A dry run tells what it `says`; otherwise it is made. */
export interface PlannedChange {
  /** In the past tense, for the report. */
  says: string;
  /** Undefined for a note: something is left as it is, or happens later. */
  make?: () => Promise<void>;
  /** The warning when it fails; without it, a failure ends the command. */
  excuse?: (reason: string) => string;
}

export interface Outcome {
  /** What was done, one sentence each. */
  changes: string[];
  /** Why something was not done; null when all was. */
  warning: string | null;
}

/** Makes the changes in order. After a failure, running the command again does what is left. */
export async function makeChanges(changes: readonly PlannedChange[]): Promise<Outcome> {
  const outcome: Outcome = { changes: [], warning: null };
  for (const { says, make, excuse } of changes) {
    try {
      await make?.();
      outcome.changes.push(says);
    } catch (error) {
      if (excuse === undefined) throw error;
      outcome.warning ??= excuse(toBdError(error).message);
    }
  }
  return outcome;
}

/** What `makeChanges` would report, had all gone well. */
export function describeChanges(changes: readonly PlannedChange[]): string[] {
  return changes.map(({ says }) => says);
}
