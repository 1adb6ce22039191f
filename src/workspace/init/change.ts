import { toBdError } from '../../core/errors.ts';

/** A change to what a person has, in words and in deed: a dry run is the words alone. */
export interface Change {
  /** In the past tense, as it is told when it is done. */
  says: string;
  /** Undefined where there is nothing to do: what stays as it is, or comes later. */
  make?: () => Promise<void>;
  /** What to tell instead when it fails; without it, a failure ends everything. */
  excuse?: (reason: string) => string;
}

export interface Outcome {
  /** What was done, one sentence each. */
  changes: string[];
  /** Why something was not; null when nothing is wrong. */
  warning: string | null;
}

/** In order; what is left undone by a failure is left undone by the next call too. */
export async function makeChanges(changes: readonly Change[]): Promise<Outcome> {
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
