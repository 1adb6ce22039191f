import { expect, test, vi } from 'vitest';
import * as cycles from '../../src/workspace/cycles.ts';
import { createSharedRemote, initInProcess, openInProcess } from '../support/in-process-clone.ts';
import { useSandbox } from '../support/sandbox.ts';

vi.mock('../../src/workspace/cycles.ts', { spy: true });

const sandbox = useSandbox();

test('what shares issues is loaded again where that failed once', async () => {
  const directory = sandbox.at('mia');
  sandbox.git(sandbox.directory, 'clone', '--quiet', createSharedRemote(sandbox), directory);
  const initialised = await initInProcess(sandbox, directory);
  await initialised.workspace[Symbol.asyncDispose]();
  vi.mocked(cycles.openBranchCycle).mockImplementationOnce(() => {
    throw new Error('too many open files');
  });
  const clone = await openInProcess(sandbox, directory);
  expect(await clone.sync()).toMatchObject({ state: 'failed' });
  expect(await clone.sync()).toMatchObject({ state: 'ok' });
  await clone.workspace[Symbol.asyncDispose]();
});
