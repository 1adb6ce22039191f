import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SLICE_BYTES } from '../../../src/core/limits.ts';
import {
  ContentHasher,
  hashContent,
  hashFile,
  type ContentHash,
} from '../../../src/sync/mirror/content-hash.ts';
import { propertyRuns } from '../../support/property-runs.ts';
import { useSandbox } from '../../support/sandbox.ts';
import { line } from '../fixture.ts';

const sandbox = useSandbox();

const hashOf = (content: Buffer): ContentHash => new ContentHasher().update(content).digest();
const idLines = fc
  .uniqueArray(fc.nat({ max: 9_999 }), { minLength: 1, maxLength: 400 })
  .map((numbers) => numbers.map((at) => `{"id":"t-${at}","title":"x"}\n`).sort());
const anyFile = fc.oneof(
  idLines.map((lines) => Buffer.from(lines.join(''))),
  fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
);

describe('the hash of a file', () => {
  it('is the same in whatever slices of lines it is read', () => {
    fc.assert(
      fc.property(idLines, fc.array(fc.nat({ max: 50 }), { maxLength: 20 }), (lines, cuts) => {
        const hasher = new ContentHasher();
        let at = 0;
        for (const cut of cuts) {
          hasher.update(Buffer.from(lines.slice(at, at + cut).join('')));
          at += cut;
        }
        hasher.update(Buffer.from(lines.slice(at).join('')));
        expect(hasher.digest()).toEqual(hashOf(Buffer.from(lines.join(''))));
      }),
      propertyRuns(200),
    );
  });

  it('is another for other content', () => {
    fc.assert(
      fc.property(anyFile, anyFile, (left, right) => {
        expect(hashOf(left).hash === hashOf(right).hash).toBe(left.equals(right));
      }),
      propertyRuns(500),
    );
  });

  it('changes with any byte, and with a line that is missing or in another place', () => {
    fc.assert(
      fc.property(idLines, fc.nat(), fc.nat(), (lines, first, second) => {
        const content = Buffer.from(lines.join(''));
        const { hash } = hashOf(content);
        const changed = Buffer.from(content);
        const at = first % content.length;
        changed[at] = (changed[at] ?? 0) ^ 1;
        expect(hashOf(changed).hash).not.toBe(hash);
        const moved = [...lines];
        const [taken = ''] = moved.splice(first % lines.length, 1);
        expect(hashOf(Buffer.from(moved.join(''))).hash).not.toBe(hash);
        moved.splice(second % lines.length, 0, taken);
        const isSame = moved.join('') === lines.join('');
        expect(hashOf(Buffer.from(moved.join(''))).hash === hash).toBe(isSame);
      }),
      propertyRuns(200),
    );
  });

  it('comes in pieces of some lines, which make up the file', () => {
    const ids = Array.from({ length: 2_000 }, (_, at) => `t-${10_000 + at}`);
    const content = Buffer.from(ids.map((id) => `${line(id)}\n`).join(''));
    const { pieces } = hashOf(content);
    expect(pieces.length).toBeGreaterThan(2_000 / 64 / 3);
    expect(pieces.length).toBeLessThan((2_000 / 64) * 3);
    expect(pieces.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(content.length);
    let end = 0;
    for (const { bytes, lastId } of pieces) {
      end += bytes;
      const last = content.subarray(0, end).toString().trim().split('\n').at(-1) ?? '';
      if (lastId !== undefined) expect(last).toContain(`{"id":"${lastId}"`);
    }
  });

  it('is the same of a file that is read in slices, also of one with long lines', async () => {
    const path = join(sandbox.directory, 'file');
    const long = 'x'.repeat(2 * SLICE_BYTES);
    for (const content of ['', '{"id":"a"}', `{"id":"a"}\n${long}\n{"id":"b"}\n`, long]) {
      writeFileSync(path, content);
      const expected = hashOf(Buffer.from(content));
      expect(await hashFile(path)).toEqual(expected);
      expect(await hashContent(Buffer.from(content))).toBe(expected.hash);
    }
    expect(await hashFile(join(sandbox.directory, 'none'))).toBeUndefined();
  });
});
