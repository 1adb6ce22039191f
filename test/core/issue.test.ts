import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes } from '../../src/core/issue.ts';

const sign = Math.sign;

test('texts are in the order of their UTF-8 bytes', () => {
  const text = fc.string({ unit: 'binary', maxLength: 4 });
  fc.assert(
    fc.property(text, text, text, (start, left, right) => {
      const bytes = Buffer.compare(Buffer.from(start + left), Buffer.from(start + right));
      expect(sign(compareBytes(start + left, start + right))).toBe(sign(bytes));
    }),
    { numRuns: 5000 },
  );
});

test('texts that differ are never equal, also where they hold half a character', () => {
  const unit = fc.constantFrom('\ud800', '\udfff', '\ud83d', '\ude00', '\uffff', '\ue000', 'a');
  const text = fc.array(unit, { maxLength: 3 }).map((units) => units.join(''));
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      expect(compareBytes(a, b) === 0).toBe(a === b);
      expect(sign(compareBytes(a, b))).toBe(0 - sign(compareBytes(b, a)));
      if (compareBytes(a, b) < 0 && compareBytes(b, c) < 0)
        expect(compareBytes(a, c)).toBeLessThan(0);
    }),
    { numRuns: 5000 },
  );
});
