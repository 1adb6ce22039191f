import { describe, expect, it } from 'vitest';
import { LINE_BYTES_MAX } from '../../../src/core/limits.ts';
import { endsInsideLine, readIssueLines } from '../../../src/sync/intake/issue-lines.ts';

const read = (content: string | Buffer): unknown[] =>
  [...readIssueLines(Buffer.from(content))].map(({ number, text, problem }) =>
    problem === undefined ? [number, text] : [number, { problem }],
  );

describe('the lines of an issue file', () => {
  it.each([
    [
      'plain lines',
      '{"a":1}\n{"b":2}\n',
      [
        [1, '{"a":1}'],
        [2, '{"b":2}'],
      ],
    ],
    [
      'a last line without its end',
      '{"a":1}\n{"b":2}',
      [
        [1, '{"a":1}'],
        [2, '{"b":2}'],
      ],
    ],
    [
      'CRLF',
      '{"a":1}\r\n{"b":2}\r\n',
      [
        [1, '{"a":1}'],
        [2, '{"b":2}'],
      ],
    ],
    ['a byte order mark', '\uFEFF{"a":1}\n', [[1, '{"a":1}']]],
    [
      'empty lines, which count',
      '\n{"a":1}\n  \n\r\n{"b":2}\n',
      [
        [2, '{"a":1}'],
        [5, '{"b":2}'],
      ],
    ],
    ['nothing', '', []],
  ])('reads %s', (_name, content, expected) => {
    expect(read(content)).toEqual(expected);
  });

  it.each([
    ['named', '<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> x\n3\n', [2, 4, 6]],
    ['without names, with CRLF', '<<<<<<<\r\n1\r\n=======\r\n2\r\n>>>>>>>\r\n', [2, 4]],
    ['with the old version', '<<<<<<< a\n1\n||||||| b\nold\n=======\n2\n>>>>>>> c\n', [2, 6]],
    [
      'with an old version that has conflicts itself',
      '<<<<<<< a\n1\n||||||| b\n<<<<<<<<< x\nold\n=========\nold\n>>>>>>>>> y\n=======\n2\n>>>>>>> c\n',
      [2, 10],
    ],
    ['a base marker that nothing ends', '<<<<<<< a\n1\n||||||| b\n2\n', [2, 4]],
    [
      'a base marker that another conflict follows',
      '||||||| b\n1\n<<<<<<< a\n2\n=======\n',
      [2, 4],
    ],
    ['a base marker that only the end follows', '||||||| b\n1\n>>>>>>> a\n2\n', [2, 4]],
    ['several', '<<<<<<< a\n=======\n1\n>>>>>>> c\n||||||| b\nold\n=======\n2\n', [3, 8]],
  ])('reads both sides of a conflict, and no markers: %s', (_name, content, expected) => {
    const lines = [...readIssueLines(Buffer.from(content))];
    expect(lines.map(({ number }) => number)).toEqual(expected);
    expect(lines.filter(({ problem }) => problem !== undefined)).toEqual([]);
  });

  it.each(['======', '========', '<<<<<<<x', '>>>>>> a', ' ======='])(
    'takes %j for a line like any other',
    (line) => {
      expect(read(`${line}\n`)).toEqual([[1, line]]);
    },
  );

  it('keeps the bytes of lines that are not text', () => {
    const broken = Buffer.from([0x7b, 0xff, 0xfe]);
    const tail = Buffer.alloc(5);
    const lines = [...readIssueLines(Buffer.concat([broken, Buffer.from('\n{}\n'), tail]))];
    expect(lines.map(({ raw, problem }) => [Buffer.from(raw), problem])).toEqual([
      [broken, 'not UTF-8'],
      [Buffer.from('{}'), undefined],
      [tail, 'NUL bytes, as an interrupted write leaves'],
    ]);
  });

  it('refuses a line over the limit, and reads the next one', () => {
    const content = `${'x'.repeat(LINE_BYTES_MAX + 1)}\n{"a":1}\n`;
    expect(read(content)).toEqual([
      [1, { problem: `longer than ${LINE_BYTES_MAX} bytes` }],
      [2, '{"a":1}'],
    ]);
  });
});

describe('endsInsideLine', () => {
  it.each([
    ['', false],
    ['{"a":1}\n', false],
    ['{"a":1}', false],
    ['{"a":1}\n{"b":{"c":1}', true],
    ['{"a":"x', true],
  ])('%j: %s', (content, expected) => {
    expect(endsInsideLine(Buffer.from(content))).toBe(expected);
  });
});
