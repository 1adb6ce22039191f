import { relative, resolve } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const TESTS = resolve(import.meta.dirname, '..');

/** Files that take long, mostly by waiting, then the folders whose files do; vitest goes by a file's size. */
const LONG = [
  'processes/idle.test.ts',
  'processes/connections-return.test.ts',
  'processes/every-command-ends.test.ts',
  'scenarios/',
  'processes/',
  'workspace/',
  'sync/',
];

/** So that no long file is left over at the end, with nothing to do for the other workers. */
export class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const path = relative(TESTS, moduleId);
  const at = LONG.findIndex((start) => path.startsWith(start));
  return at === -1 ? LONG.length : at;
}
