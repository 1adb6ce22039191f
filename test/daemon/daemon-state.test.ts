import { expect, test } from 'vitest';
import {
  DRAIN_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  RETIRE_DRAIN_TIMEOUT_MS,
} from '../../src/core/limits.ts';
import {
  createLife,
  decide,
  type DaemonEvent,
  type DaemonState,
} from '../../src/daemon/daemon-state.ts';
import type { Standing } from '../../src/workspace/held-store.ts';

const START: DaemonState = { kind: 'serving', connections: 0, quietSinceMs: 0 };

const checked = (
  nowMs: number,
  more: { isBusy?: boolean; workspace?: Standing; program?: 'present' | 'replaced' } = {},
) =>
  ({
    kind: 'checked',
    nowMs,
    isBusy: false,
    workspace: 'ours',
    program: 'present',
    ...more,
  }) satisfies DaemonEvent;

const after = (...events: DaemonEvent[]): DaemonState['kind'] => events.reduce(decide, START).kind;

const opened: DaemonEvent = { kind: 'connection_opened' };
const ended = (nowMs: number): DaemonEvent => ({ kind: 'connection_ended', nowMs });

test('a daemon that nobody calls ends after the idle time, not before', () => {
  expect(after(checked(IDLE_TIMEOUT_MS - 1))).toBe('serving');
  expect(after(checked(IDLE_TIMEOUT_MS))).toBe('draining');
});

test('an open connection keeps it, and the idle time counts from its end', () => {
  expect(after(opened, checked(10 * IDLE_TIMEOUT_MS))).toBe('serving');
  expect(after(opened, ended(IDLE_TIMEOUT_MS), checked(IDLE_TIMEOUT_MS + 1))).toBe('serving');
  expect(after(opened, ended(IDLE_TIMEOUT_MS), checked(2 * IDLE_TIMEOUT_MS))).toBe('draining');
});

test('changes that wait to be shared keep it', () => {
  expect(after(checked(2 * IDLE_TIMEOUT_MS, { isBusy: true }))).toBe('serving');
});

test('it stops on request also while connections are open', () => {
  expect(after(opened, { kind: 'stop_requested', reason: 'x' })).toBe('draining');
});

test('it makes room for another on request, and has more patience for what runs then', () => {
  const retire: DaemonEvent = { kind: 'retire_requested', reason: 'bd 2 is newer' };
  expect(decide(START, retire)).toEqual({
    kind: 'draining',
    reason: 'bd 2 is newer',
    patienceMs: RETIRE_DRAIN_TIMEOUT_MS,
  });
  expect(decide(START, { kind: 'stop_requested', reason: 'x' })).toMatchObject({
    patienceMs: DRAIN_TIMEOUT_MS,
  });
});

test('with its program replaced it ends as soon as nobody is there and nothing waits', () => {
  const program = 'replaced';
  expect(after(checked(1, { program }))).toBe('draining');
  expect(after(opened, checked(1, { program }))).toBe('serving');
  expect(after(checked(1, { program, isBusy: true }))).toBe('serving');
  expect(after(checked(1, { program, workspace: 'lost' }))).toBe('abandoning');
});

test('a store that was replaced ends the daemon, which shows what it had open', () => {
  expect(after(opened, checked(1, { workspace: 'replaced' }))).toBe('draining');
});

test('a workspace that is lost is not written any more', () => {
  expect(after(opened, checked(1, { workspace: 'lost' }))).toBe('abandoning');
});

test('the end is final', () => {
  const stop: DaemonEvent = { kind: 'stop_requested', reason: 'x' };
  expect(after(checked(1, { workspace: 'lost' }), stop)).toBe('abandoning');
  expect(after(stop, checked(1, { workspace: 'lost' }), { kind: 'failed', error: 1 })).toBe(
    'draining',
  );
});

test('a failed part ends it with that error', () => {
  expect(decide(START, { kind: 'failed', error: 'why' })).toMatchObject({ error: 'why' });
});

test('a life ends with the first event that ends it', async () => {
  const life = createLife({ startedMs: 0 });
  let isOver = false;
  void life.ended.then(() => (isOver = true));
  life.post(opened);
  life.post(checked(10 * IDLE_TIMEOUT_MS));
  await Promise.resolve();
  expect(isOver).toBe(false);
  life.post({ kind: 'stop_requested', reason: 'first' });
  life.post({ kind: 'failed', error: 'late' });
  expect(await life.ended).toMatchObject({ kind: 'draining', reason: 'first' });
});
