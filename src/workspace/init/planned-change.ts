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

/**
 * Makes the changes in order; a dry run reports what this would report if all went well. After a failure,
 * running the command again does what is left.
 */
export async function makeChanges(
  changes: readonly PlannedChange[],
  { isDryRun = false }: { isDryRun?: boolean } = {},
) {
  /** `changes`: what was done, one sentence each. `warning`: why something was not done; null when all was. */
  const outcome: { changes: string[]; warning: string | null } = { changes: [], warning: null };
  for (const { says, make, excuse } of changes) {
    try {
      if (!isDryRun) await make?.();
      outcome.changes.push(says);
    } catch (error) {
      if (excuse === undefined) throw error;
      outcome.warning ??= excuse(toBdError(error).message);
    }
  }
  return outcome;
}
