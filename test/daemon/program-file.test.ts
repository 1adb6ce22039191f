import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchProgram } from '../../src/daemon/program-file.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let path: string;
beforeEach(() => {
  temp = createTempDirectory();
  path = join(temp.path, 'program.js');
  writeFileSync(path, 'one');
});
afterEach(() => temp[Symbol.dispose]());

test('a program is what it was at the start until its file is another', () => {
  const program = watchProgram(path);
  expect(program.isReplaced()).toBe(false);
  copyFileSync(path, `${path}.new`);
  renameSync(`${path}.new`, path);
  expect(program.isReplaced()).toBe(true);
});

test('a file that is written over in place, or removed, is another too', () => {
  const written = watchProgram(path);
  writeFileSync(path, 'three');
  expect(written.isReplaced()).toBe(true);
  const removed = watchProgram(path);
  rmSync(path);
  expect(removed.isReplaced()).toBe(true);
});

test('the build goes by the content, and stays that of the program that runs', () => {
  const program = watchProgram(path);
  copyFileSync(path, `${path}.copy`);
  expect(watchProgram(`${path}.copy`).build).toBe(program.build);
  const { build } = program;
  writeFileSync(path, 'two');
  expect(program.build).toBe(build);
  expect(watchProgram(path).build).not.toBe(build);
  expect(watchProgram(join(temp.path, 'none')).build).toBeNull();
});
