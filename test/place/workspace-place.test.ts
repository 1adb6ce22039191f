import { symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { openPlace } from '../../src/place/workspace-place.ts';
import { useBeadsDirectory } from '../support/beads-directory.ts';

const project = useBeadsDirectory();

test('all ways to one workspace lead to the same place', () => {
  symlinkSync(project.beadsDir, join(project.path, 'link'));

  const place = openPlace(join(project.path, 'link'));

  expect(place.beadsDir).toBe(project.beadsDir);
  expect(place.projectDir).toBe(project.path);
  for (const file of [place.lockFile, place.socketLink, place.configFile, place.file('x.jsonl')]) {
    expect(dirname(file)).toBe(project.beadsDir);
  }
});
