import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOutOfWatches, DirectoryWatch } from '../../src/platform/directory-watch.ts';
import { eventually } from '../support/eventually.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let heard: string[];

const file = (name: string): string => join(sandbox.directory, name);
const replaceFile = (name: string, content: string): void => {
  writeFileSync(file(`.${name}.tmp`), content);
  renameSync(file(`.${name}.tmp`), file(name));
};

beforeEach(() => {
  heard = [];
});

describe.each(['native', 'polling'] as const)('a %s directory watch', (kind) => {
  let watch: DirectoryWatch;
  afterEach(() => watch.close());
  beforeEach(async () => {
    writeFileSync(file('beads.jsonl'), 'first');
    watch = new DirectoryWatch({
      directory: sandbox.directory,
      names: ['beads.jsonl'],
      onChange: (name) => heard.push(name),
      onError: (error) => heard.push(String(error)),
      kind,
    });
    await watch.ready;
  });

  it('says nothing about what was there, and says its kind', () => {
    expect({ heard, kind: watch.kind }).toEqual({ heard: [], kind });
  });

  it('tells of writes, replacements, removals and returns, each time', async () => {
    const steps = [
      () => writeFileSync(file('beads.jsonl'), 'second'),
      () => replaceFile('beads.jsonl', 'third, by rename'),
      () => replaceFile('beads.jsonl', 'fourth, by rename again'),
      () => rmSync(file('beads.jsonl')),
      () => writeFileSync(file('beads.jsonl'), 'fifth, made anew'),
      () => writeFileSync(file('beads.jsonl'), 'sixth, in the new file'),
    ];
    for (const step of steps) {
      heard = [];
      step();
      await eventually(() => heard.includes('beads.jsonl'));
    }
  });

  it('tells of no other file', async () => {
    writeFileSync(file('beads.db'), 'x');
    mkdirSync(file('quarantine'));
    writeFileSync(join(file('quarantine'), 'beads.jsonl'), 'x');
    writeFileSync(file('beads.jsonl'), 'the last change');
    await eventually(() => heard.includes('beads.jsonl'));
    expect(new Set(heard)).toEqual(new Set(['beads.jsonl']));
  });

  it('tells of nothing once it is closed', async () => {
    watch.close();
    writeFileSync(file('beads.jsonl'), 'unheard');
    const other = new DirectoryWatch({
      directory: sandbox.directory,
      names: ['beads.jsonl'],
      onChange: () => heard.push('other'),
      onError: () => {},
      kind,
    });
    await other.ready;
    writeFileSync(file('beads.jsonl'), 'heard by the other one only');
    await eventually(() => heard.includes('other'));
    other.close();
    expect(new Set(heard)).toEqual(new Set(['other']));
  });
});

describe('isOutOfWatches', () => {
  it.each(['EMFILE', 'ENOSPC', 'ENFILE'])('knows %s as a reason to poll', (code) => {
    expect(isOutOfWatches(Object.assign(new Error('no watches'), { code }))).toBe(true);
    expect(isOutOfWatches(new Error('no watches'))).toBe(false);
  });
});
