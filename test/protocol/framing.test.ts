import { describe, expect, test } from 'vitest';
import { HEADER_BYTES_MAX, LINE_BYTES_MAX } from '../../src/core/limits.ts';
import { createLineSplitter, createLspGuard } from '../../src/protocol/framing.ts';

describe('lines', () => {
  test('come out the same however the bytes are cut', () => {
    const bytes = Buffer.from('{"a":"ü𝄞"}\r\n\nlast one\nrest');
    for (let size = 1; size <= bytes.length; size += 1) {
      const splitter = createLineSplitter();
      const lines: string[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        lines.push(...splitter.push(bytes.subarray(at, at + size)));
      }
      expect(lines).toEqual(['{"a":"ü𝄞"}', '', 'last one']);
      expect(splitter.rest()).toBe('rest');
    }
  });

  test('of exactly the limit pass, and one byte more is refused while it arrives', () => {
    const splitter = createLineSplitter({ bytesMax: 8 });
    expect(splitter.push(Buffer.from('12345678\n'))).toEqual(['12345678']);
    expect(splitter.push(Buffer.from('12345678'))).toEqual([]);
    expect(() => splitter.push(Buffer.from('9'))).toThrow(
      expect.objectContaining({
        code: 'LIMIT_EXCEEDED',
        message: expect.stringContaining('8 bytes'),
      }),
    );
  });
});

describe('LSP framing', () => {
  const frame = (body: string): string =>
    `Content-Length: ${Buffer.byteLength(body)}\r\nContent-Type: x\r\n\r\n${body}`;

  test('messages are counted when complete, however the bytes are cut', () => {
    const bytes = Buffer.from(
      frame('{"a":1}') + frame('"Content-Length: 99\r\n\r\nü"') + frame('2'),
    );
    for (let size = 1; size <= bytes.length; size += 1) {
      const guard = createLspGuard();
      const complete: number[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        complete.push(...guard.inspect(bytes.subarray(at, at + size)));
      }
      expect(complete).toEqual([7, 26, 1]);
      expect(guard.pending()).toBe(0);
    }
  });

  test.each([
    [
      'a length beyond the limit',
      `Content-Length: ${LINE_BYTES_MAX + 1}\r\n\r\n`,
      'LIMIT_EXCEEDED',
    ],
    [
      'an endless header',
      `Content-Length: 2\r\nX: ${'x'.repeat(HEADER_BYTES_MAX)}`,
      'LIMIT_EXCEEDED',
    ],
    ['a negative length', 'Content-Length: -2\r\n\r\n', 'BAD_REQUEST'],
    ['a length that is no number', 'Content-Length: many\r\n\r\n', 'BAD_REQUEST'],
    ['no length', 'Content-Type: x\r\n\r\n', 'BAD_REQUEST'],
  ])('%s is refused', (_what, text, code) => {
    expect(() => createLspGuard().inspect(Buffer.from(text))).toThrow(
      expect.objectContaining({ code }),
    );
  });

  test('a length of exactly the limit passes', () => {
    const guard = createLspGuard();
    expect(guard.inspect(Buffer.from(`Content-Length: ${LINE_BYTES_MAX}\r\n\r\nbegun`))).toEqual(
      [],
    );
    expect(guard.pending()).toBe('begun'.length);
  });
});
