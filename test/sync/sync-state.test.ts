import { describe, expect, it } from 'vitest';
import type { SyncEvent } from '../../src/sync/sync-event.ts';
import type { SyncFailure } from '../../src/sync/sync-failure.ts';
import {
  currentFailure,
  initialSyncState,
  nextDueMs,
  nextSyncState,
  syncStateName,
  type SyncAction,
  type SyncState,
} from '../../src/sync/sync-state.ts';
import { SETTINGS } from './settings.ts';

const offline: SyncFailure = { kind: 'offline', message: 'no way there', remedy: 'wait' };

const flushed: SyncEvent = { kind: 'flush_ended', behind: false };
const due: SyncEvent = { kind: 'due' };
const asked: SyncEvent = { kind: 'sync_asked' };
const changed = (pending = 1): SyncEvent => ({ kind: 'store_changed', pending });
const ended = (fields: Partial<Extract<SyncEvent, { kind: 'cycle_ended' }>> = {}): SyncEvent => ({
  kind: 'cycle_ended',
  end: 'shared',
  pending: 0,
  imported: 0,
  ...fields,
});

type Step = [atMs: number, event: SyncEvent];

function play(
  steps: readonly Step[],
  { from = initialSyncState(0, { shares: true }), random = 0, settings = SETTINGS } = {},
): { state: SyncState; actions: [number, SyncAction][] } {
  let state = from;
  const actions: [number, SyncAction][] = [];
  for (const [nowMs, event] of steps) {
    const next = nextSyncState(state, event, { nowMs, random, settings });
    state = next.state;
    actions.push(...next.actions.map((action): [number, SyncAction] => [nowMs, action]));
  }
  return { state, actions };
}

/** At 0 all is flushed and shared; the next look at the remote is at 5,000. */
const settled = play([
  [0, due],
  [0, { kind: 'flush_started' }],
  [0, flushed],
  [0, ended()],
]).state;

const quiet = (steps: Step[], more = {}) => play(steps, { from: settled, ...more });

describe('at the start', () => {
  it('the mirror and the remote are looked at', () => {
    expect(play([[0, due]]).actions).toEqual([
      [0, 'flush_mirror'],
      [0, 'run_cycle'],
    ]);
  });

  it('the remote is, even if changes are made at that moment', () => {
    const { actions } = play([
      [1, changed()],
      [2, due],
    ]);
    expect(actions).toContainEqual([2, 'run_cycle']);
  });

  it('only the mirror is, where nothing can be shared', () => {
    const from = initialSyncState(0, { shares: false });
    expect(
      play(
        [
          [0, due],
          [0, asked],
          [9, changed()],
        ],
        { from },
      ).actions,
    ).toEqual([[0, 'flush_mirror']]);
  });
});

describe('the mirror', () => {
  const offlineForever = { ...settled, cycle: { kind: 'absent' } } as const;
  const mirrorDueMs = (steps: Step[]): number | undefined =>
    nextDueMs(play(steps, { from: offlineForever }).state);

  it.each<[string, Step[], number | undefined]>([
    ['is not looked at while nothing changes', [], undefined],
    ['is written 50 ms after a change', [[1000, changed()]], 1050],
    ['is read 50 ms after it was written', [[1000, { kind: 'mirror_changed' }]], 1050],
    ['is put back a second after it was deleted', [[1000, { kind: 'mirror_gone' }]], 2000],
    [
      'is read when what was deleted is there again',
      [
        [1000, { kind: 'mirror_gone' }],
        [1010, { kind: 'mirror_changed' }],
      ],
      1060,
    ],
    [
      'does not come back for a change that waits while it is being deleted',
      [
        [1000, changed()],
        [1010, { kind: 'mirror_gone' }],
      ],
      2010,
    ],
    [
      'waits for quiet',
      [
        [1000, changed()],
        [1040, changed()],
      ],
      1090,
    ],
    [
      'waits half a second at most',
      Array.from({ length: 20 }, (_, at): Step => [1000 + at * 40, changed()]),
      1500,
    ],
    [
      'is written again for a change that came while it was written',
      [
        [1000, changed()],
        [1050, due],
        [1060, changed()],
        [1070, flushed],
      ],
      1120,
    ],
    [
      'is not, when the change came before the writing began',
      [
        [1000, changed()],
        [1050, due],
        [1060, changed()],
        [1065, { kind: 'flush_started' }],
        [1070, flushed],
      ],
      undefined,
    ],
    [
      'is written again when it is behind',
      [
        [1000, changed()],
        [1050, due],
        [1070, { kind: 'flush_ended', behind: true }],
      ],
      1120,
    ],
    [
      'that cannot be written is tried later',
      [
        [1000, changed()],
        [1050, due],
        [1060, { kind: 'flush_failed' }],
      ],
      6060,
    ],
    [
      'is then not tried for each change',
      [
        [1000, changed()],
        [1050, due],
        [1060, { kind: 'flush_failed' }],
        [1100, changed()],
      ],
      6060,
    ],
  ])('%s', (_name, steps, expected) => {
    expect(mirrorDueMs(steps)).toBe(expected);
  });

  it('is flushed once when due', () => {
    const steps: Step[] = [
      [1000, changed()],
      [1049, due],
      [1050, due],
      [1051, due],
    ];
    expect(play(steps, { from: offlineForever }).actions).toEqual([[1050, 'flush_mirror']]);
  });
});

describe('sending changes', () => {
  const cycleDueMs = (steps: Step[], more = {}): number | undefined => {
    const { cycle } = quiet(steps, more).state;
    return 'dueMs' in cycle ? cycle.dueMs : undefined;
  };

  it.each<[string, Step[], number | undefined]>([
    ['300 ms after a change', [[1000, changed()]], 1300],
    [
      'when it is quiet',
      [
        [1000, changed()],
        [1200, changed(2)],
      ],
      1500,
    ],
    [
      'after 5 s at most',
      Array.from({ length: 30 }, (_, at): Step => [1000 + at * 200, changed(at + 1)]),
      6000,
    ],
    [
      'at once when 100 wait',
      [
        [1000, changed(99)],
        [1010, changed(100)],
      ],
      1010,
    ],
    ['not for what came from the remote', [[1000, changed(0)]], 5000],
    [
      'again for a change that a cycle missed',
      [
        [1000, changed()],
        [1300, due],
        [1310, changed()],
        [1400, ended({ pending: 1 })],
      ],
      1700,
    ],
  ])('%s', (_name, steps, expected) => {
    expect(cycleDueMs(steps)).toBe(expected);
  });

  it('starts one cycle at a time', () => {
    const { actions } = quiet([
      [1000, changed()],
      [1300, due],
      [1310, due],
      [1320, changed()],
      [2000, due],
    ]);
    expect(actions.filter(([, action]) => action === 'run_cycle')).toEqual([[1300, 'run_cycle']]);
  });
});

describe('looking for the changes of others', () => {
  it('happens every 5 s while the workspace is used, then less and less often, up to a minute', () => {
    const times: number[] = [];
    let state = settled;
    for (let looks = 0; looks < 32; looks++) {
      const nowMs = nextDueMs(state)!;
      times.push(nowMs);
      state = play(
        [
          [nowMs, due],
          [nowMs, ended()],
        ],
        { from: state },
      ).state;
    }
    const gaps = times.slice(1).map((time, at) => time - times[at]!);
    expect([...new Set(gaps)]).toEqual([5_000, 10_000, 20_000, 40_000, 60_000]);
    expect(gaps.lastIndexOf(5_000)).toBe(22);
  });

  it('happens soon after the workspace is used again', () => {
    const idle = {
      ...settled,
      cycle: { kind: 'resting', dueMs: 900_000, intervalMs: 60_000 },
    } as const;
    const { state } = play([[850_000, { kind: 'activity' }]], { from: idle });
    expect(nextDueMs(state)).toBe(855_000);
    const after = play(
      [
        [855_000, due],
        [855_000, ended()],
      ],
      { from: state },
    ).state;
    expect(nextDueMs(after)).toBe(860_000);
  });

  it('stays at the short interval when something was taken in', () => {
    const { state } = quiet([
      [500_000, due],
      [500_000, ended({ imported: 1 })],
    ]);
    expect(nextDueMs(state)).toBe(505_000);
  });

  it('does not happen while sharing is off, and does once it is on again', () => {
    const off = quiet([
      [5_000, due],
      [5_000, ended({ end: 'off' })],
    ]).state;
    expect(nextDueMs(off)).toBeUndefined();
    const on = play([[9_000, { kind: 'activity' }]], { from: off }).state;
    expect(nextDueMs(on)).toBe(9_000);
  });
});

describe('a failure', () => {
  const failed = ended({ end: offline, pending: 1 });

  it('is tried again after 5 s, doubling up to 15 min', () => {
    let state = quiet([[1_000, asked]]).state;
    const waits: number[] = [];
    let nowMs = 1_000;
    for (let attempt = 0; attempt < 10; attempt++) {
      state = play([[nowMs, failed]], { from: state }).state;
      const dueMs = nextDueMs(state)!;
      waits.push((dueMs - nowMs) / 1000);
      nowMs = dueMs;
      state = play([[nowMs, due]], { from: state }).state;
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
  });

  it('spreads the tries of many clones', () => {
    const steps: Step[] = [
      [1_000, asked],
      [1_000, failed],
    ];
    expect(nextDueMs(quiet(steps, { random: 1 }).state)).toBe(4_750);
  });

  it('shows until a cycle ends well, then leaves by itself', () => {
    const steps: Step[] = [
      [1_000, asked],
      [1_100, failed],
      [6_100, due],
    ];
    expect(currentFailure(quiet(steps).state)).toEqual(offline);
    const well = quiet([...steps, [6_200, ended()]]).state;
    expect(currentFailure(well)).toBeUndefined();
    expect(syncStateName(well, { pending: 0, push: true })).toBe('ok');
  });

  it('is not hurried by changes, but by a person', () => {
    const steps: Step[] = [
      [1_000, asked],
      [1_100, failed],
      [1_200, changed(500)],
    ];
    expect(quiet([...steps, [3_000, due]]).state.cycle.kind).toBe('failing');
    expect(quiet([...steps, [3_000, asked]]).actions).toContainEqual([3_000, 'run_cycle']);
  });
});

describe('a failure whose cause is here', () => {
  const here: SyncFailure = {
    kind: 'blocked',
    message: 'a rebase',
    remedy: 'end it',
    retry: 'soon',
  };
  const failed = ended({ end: here, pending: 1 });

  it('is looked at once a minute at least', () => {
    let state = quiet([[1_000, asked]]).state;
    const waits: number[] = [];
    let nowMs = 1_000;
    for (let attempt = 0; attempt < 6; attempt++) {
      state = play([[nowMs, failed]], { from: state }).state;
      const dueMs = nextDueMs(state)!;
      waits.push((dueMs - nowMs) / 1000);
      nowMs = dueMs;
      state = play([[nowMs, due]], { from: state }).state;
    }
    expect(waits).toEqual([5, 10, 20, 40, 60, 60]);
  });

  it('is looked at again at once for a change that the cycle missed, and anew for another cause', () => {
    const steps: Step[] = [
      [1_000, asked],
      [1_000, failed],
      [6_000, due],
      [6_000, failed],
      [16_000, due],
    ];
    const missed = quiet([...steps, [16_100, changed()], [16_150, flushed], [16_200, failed]]);
    expect(nextDueMs(missed.state)).toBe(16_500);
    const other = ended({ end: { ...here, message: 'a merge' }, pending: 1 });
    expect(nextDueMs(quiet([...steps, [16_200, other]]).state)).toBe(21_200);
    expect(nextDueMs(quiet([...steps, [16_200, failed]]).state)).toBe(36_200);
  });

  it('is looked at after a change, and when the workspace is used', () => {
    const steps: Step[] = [
      [1_000, asked],
      [1_000, failed],
      [6_000, due],
      [6_000, failed],
    ];
    expect(nextDueMs(quiet(steps).state)).toBe(16_000);
    const change = quiet([...steps, [7_000, changed()], [7_000, flushed]]).state;
    expect(nextDueMs(change)).toBe(7_300);
    expect(nextDueMs(quiet([...steps, [7_000, { kind: 'activity' }]]).state)).toBe(12_000);
    expect(nextDueMs(quiet([...steps, [15_000, { kind: 'activity' }]]).state)).toBe(16_000);
  });
});

describe('bd sync', () => {
  it('runs a cycle at once', () => {
    expect(quiet([[1_000, asked]]).actions).toEqual([[1_000, 'run_cycle']]);
  });

  it('asked for during a cycle runs another one right after, once', () => {
    const steps: Step[] = [
      [1_000, asked],
      [1_100, asked],
      [1_150, asked],
      [1_200, ended()],
      [1_300, ended()],
    ];
    expect(quiet(steps).actions).toEqual([
      [1_000, 'run_cycle'],
      [1_200, 'run_cycle'],
    ]);
  });

  it('asked for during a cycle that fails runs all the same', () => {
    const steps: Step[] = [
      [1_000, asked],
      [1_100, asked],
      [1_200, ended({ end: offline })],
    ];
    const { state, actions } = quiet(steps);
    expect(actions.at(-1)).toEqual([1_200, 'run_cycle']);
    expect(currentFailure(state)).toEqual(offline);
  });
});

describe('the word for where things stand', () => {
  const name = (state: SyncState, { pending = 0, push = true } = {}) =>
    syncStateName(state, { pending, push });

  it.each([
    ['ok', name(settled)],
    ['pending', name(settled, { pending: 1 })],
    ['off', name(settled, { push: false, pending: 1 })],
    ['no_remote', name({ ...settled, lastEnd: 'no_remote' })],
    ['no_remote', name({ ...settled, cycle: { kind: 'absent' } }, { pending: 3 })],
    [
      'offline',
      name(
        quiet([
          [1, asked],
          [2, ended({ end: offline })],
        ]).state,
      ),
    ],
  ])('%s', (expected, word) => {
    expect(word).toBe(expected);
  });
});
