import { expect, test } from 'vitest';
import {
  DRAIN_TIMEOUT_MS,
  HEARTBEAT_INTERVAL_MS,
  HELD_TIMEOUT_MS,
  RETIRE_DRAIN_TIMEOUT_MS,
  SILENCE_TIMEOUT_MS,
  STOP_TIMEOUT_MS,
  STORE_BUSY_TIMEOUT_MS,
  SUCCESSION_WAIT_MS,
  TERMINATE_WAIT_MS,
} from '../../src/core/limits.ts';

test.each([
  [
    'a newer daemon, and its first client, for the one that makes room',
    [DRAIN_TIMEOUT_MS, RETIRE_DRAIN_TIMEOUT_MS, SUCCESSION_WAIT_MS, HELD_TIMEOUT_MS],
  ],
  ['a signal for the end of a daemon', [DRAIN_TIMEOUT_MS, TERMINATE_WAIT_MS]],
  ['a stop for the end of a daemon', [DRAIN_TIMEOUT_MS, STOP_TIMEOUT_MS]],
  ['a client for a store that is locked', [STORE_BUSY_TIMEOUT_MS, SILENCE_TIMEOUT_MS]],
  ['a client for a sign of life', [HEARTBEAT_INTERVAL_MS, SILENCE_TIMEOUT_MS]],
])('who waits is more patient than the one who is waited for: %s', (_who, waits) => {
  expect(waits).toEqual([...new Set(waits)].sort((left, right) => left - right));
});
