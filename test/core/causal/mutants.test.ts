import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { FAULTS } from './mutants.mjs';

test.each(FAULTS)('the fault "$name" can still be put into the sources', ({ file, text }) => {
  const source = readFileSync(resolve(import.meta.dirname, '../../..', file), 'utf8');
  expect(source.split(text)).toHaveLength(2);
});
