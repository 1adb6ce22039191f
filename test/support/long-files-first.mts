import { basename, dirname } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The folders whose files take long, the longest first; vitest itself goes by a file's size. */
const LONG = ['scenarios', 'processes', 'workspace', 'sync'];

/** So that no long file is left over at the end, with nothing to do for the other workers. */
export class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const at = LONG.indexOf(basename(dirname(moduleId)));
  return at === -1 ? LONG.length : at;
}
