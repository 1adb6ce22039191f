import { describe, expect, test } from 'vitest';
import { OVERDUE_AFTER_MS } from '../../src/core/limits.ts';
import {
  isOverdue,
  sharingFailure,
  type SharingStanding,
  type SharingState,
} from '../../src/core/sharing.ts';

const OVERDUE_S = OVERDUE_AFTER_MS / 1000;

const standing = (state: SharingState, oldestS: number | null, error: string | null = null) =>
  ({
    state,
    pending: 1,
    oldest_pending_s: oldestS,
    error,
    remedy: null,
  }) satisfies SharingStanding;

describe('changes that wait', () => {
  test('are overdue from the limit on, whatever keeps them', () => {
    for (const state of ['pending', 'offline', 'auth', 'rejected', 'blocked', 'failed'] as const) {
      expect(isOverdue(standing(state, OVERDUE_S - 1))).toBe(false);
      expect(isOverdue(standing(state, OVERDUE_S))).toBe(true);
      expect(isOverdue(standing(state, null))).toBe(false);
    }
  });

  test('are never overdue where nobody waits for them', () => {
    for (const state of ['ok', 'no_remote', 'off', 'by_hand'] as const) {
      expect(isOverdue(standing(state, OVERDUE_S * 10))).toBe(false);
    }
  });
});

describe('why changes are not shared', () => {
  test('a network that is away is no failure before changes have waited long', () => {
    expect(sharingFailure(standing('offline', OVERDUE_S - 1, 'away'))).toBeUndefined();
    expect(sharingFailure(standing('offline', null, 'away'))).toBeUndefined();
    expect(sharingFailure(standing('offline', OVERDUE_S, 'away'))).toBe('away');
  });

  test('anything else is one at once, and without an error there is none', () => {
    expect(sharingFailure(standing('auth', 0, 'no key'))).toBe('no key');
    expect(sharingFailure(standing('pending', OVERDUE_S))).toBeUndefined();
  });
});
