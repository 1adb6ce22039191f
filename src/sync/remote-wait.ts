import type { Clock } from '../platform/clock.ts';
import type { Git } from '../git/git.ts';

/** How often a caller that waits checks whether it has waited too long. */
const LOOK_MS = 250;

/** Knows how long a remote has not answered. */
export class RemoteWait {
  readonly #clock: Clock;
  /** When the calls that have no answer yet were made. */
  #asked: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The same git, with its calls to a remote timed here. */
  watch(git: Git): Git {
    return {
      ...git,
      reach: async (args, options) => {
        const nowMs = this.#clock.nowMs();
        this.#asked.push(nowMs);
        try {
          return await git.reach(args, options);
        } finally {
          this.#asked = this.#asked.toSpliced(this.#asked.indexOf(nowMs), 1);
        }
      },
    };
  }

  /** When the oldest call without an answer was made; undefined when there is none. */
  sinceMs(): number | undefined {
    return this.#asked[0];
  }

  /** `passed` settles when one call has had no answer for `patienceMs`, counted from now at the earliest. */
  whenUnanswered(patienceMs: number): { passed: Promise<void>; cancel(): void } {
    const clock = this.#clock;
    const startMs = clock.nowMs();
    let cancel = (): void => {};
    const passed = new Promise<void>((resolve) => {
      const look = (): void => {
        const sinceMs = this.sinceMs();
        const isOver =
          sinceMs !== undefined && clock.nowMs() - Math.max(sinceMs, startMs) >= patienceMs;
        if (isOver) resolve();
        else cancel = clock.after(LOOK_MS, look);
      };
      look();
    });
    return { passed, cancel: () => cancel() };
  }
}
