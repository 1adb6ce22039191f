import { expect, test } from 'vitest';
import { BdError } from '../../src/core/errors.ts';
import { watchLoss } from '../../src/daemon/run-command.ts';
import type { Call } from '../../src/protocol/methods.ts';

const LOST = new BdError('LOCK_UNAVAILABLE', { message: 'taken', remedy: 'Again.' });
const REFUSED = new BdError('ISSUE_NOT_FOUND', { message: 'no such', remedy: 'Look.' });

/** Answers in this order; an error is thrown. */
function scripted(...answers: (object | BdError)[]): Call {
  return (() => {
    const answer = answers.shift() ?? {};
    return answer instanceof BdError ? Promise.reject(answer) : Promise.resolve(answer);
  }) as Call;
}

async function run(call: Call, methods: readonly ('list_issues' | 'close_issue')[]) {
  const watched = watchLoss(call);
  for (const method of methods) await watched.call(method, {}).catch(() => {});
  return watched.isForTheNext();
}

test('a command that met the loss before it changed anything is for the next daemon', async () => {
  expect(await run(scripted(LOST), ['close_issue'])).toBe(true);
  expect(await run(scripted({}, LOST), ['list_issues', 'close_issue'])).toBe(true);
});

test('one that has changed something is not done again', async () => {
  expect(await run(scripted({}, LOST), ['close_issue', 'close_issue'])).toBe(false);
});

test('what is refused for another reason stays refused', async () => {
  expect(await run(scripted(REFUSED), ['close_issue'])).toBe(false);
  expect(await run(scripted({}), ['close_issue'])).toBe(false);
});
