import { expect, test } from 'vitest';
import { rememberLastError } from '../../src/daemon/last-error.ts';
import { createFakeClock } from '../support/fake-clock.ts';

test('the log goes on as it is, and the last warning or error is remembered', async () => {
  const lines: string[] = [];
  const clock = createFakeClock();
  const log = rememberLastError(
    {
      debug: () => undefined,
      setLevel: () => undefined,
      info: (message) => void lines.push(`info ${message}`),
      warn: (message, details) => void lines.push(`warn ${message} ${JSON.stringify(details)}`),
      error: (message) => void lines.push(`error ${message}`),
      async close() {
        lines.push('closed');
      },
    },
    clock,
  );
  log.info('serving');
  expect(log.lastError()).toBeUndefined();
  log.error('one');
  log.warn('two', { why: 'x' });
  log.info('all is well');
  expect(log.lastError()).toEqual({ at: new Date(clock.nowMs()).toISOString(), message: 'two' });
  await log.close();
  expect(lines).toEqual([
    'info serving',
    'error one',
    'warn two {"why":"x"}',
    'info all is well',
    'closed',
  ]);
});
