/**
 * Where a cycle can die, in its order; whatever comes next repeats what was not done. Before the first,
 * a change is in the store (one transaction), which is all that the cycle needs.
 */
export type CycleStep =
  | 'fetched'
  | 'taken in'
  | 'objects written'
  | 'committed'
  /** The remote has it, and the answer may be lost. */
  | 'pushed'
  | 'noted'
  | 'mirror written'
  | 'packed';

/** Called at each step; a test lets the process fail there. */
export type Reached = (step: CycleStep) => void | Promise<void>;
