import { describe, expect, test } from 'vitest';
import { HEADER_BYTES_MAX, LINE_BYTES_MAX } from '../../src/core/limits.ts';
import { lineFraming, lspFraming, type Framing } from '../../src/protocol/framing.ts';

const texts = (bodies: readonly Uint8Array[]): string[] =>
  bodies.map((body) => Buffer.from(body).toString());

/** What comes out when the bytes arrive `size` at a time. */
function cut(framing: Framing, bytes: Buffer, size: number): string[] {
  const bodies: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    bodies.push(...framing.push(bytes.subarray(at, at + size)));
  }
  return texts(bodies);
}

describe('lines', () => {
  test('come out the same however the bytes are cut', () => {
    const bytes = Buffer.from('{"a":"ü𝄞"}\r\n\n \t\r\nlast one\nrest');
    for (let size = 1; size <= bytes.length; size += 1) {
      const framing = lineFraming();
      expect(cut(framing, bytes, size)).toEqual(['{"a":"ü𝄞"}', 'last one']);
      expect(framing.pending()).toBe('rest'.length);
      expect(texts([framing.rest() ?? Buffer.from('none')])).toEqual(['rest']);
      expect(framing.rest()).toBeUndefined();
    }
  });

  test('of exactly the limit pass, and one byte more is refused while it arrives', () => {
    const framing = lineFraming({ bytesMax: 8 });
    expect(texts(framing.push(Buffer.from('12345678\n')))).toEqual(['12345678']);
    expect(framing.push(Buffer.from('12345678'))).toEqual([]);
    expect(() => framing.push(Buffer.from('9'))).toThrow(
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

  test('bodies come out the same however the bytes are cut', () => {
    const bodies = ['{"a":1}', '"Content-Length: 99\r\n\r\nü"', '2'];
    const bytes = Buffer.from(bodies.map(frame).join(''));
    for (let size = 1; size <= bytes.length; size += 1) {
      const framing = lspFraming();
      expect(cut(framing, bytes, size)).toEqual(bodies);
      expect(framing.pending()).toBe(0);
    }
  });

  test('what it encodes it reads', () => {
    expect(texts(lspFraming().push(Buffer.from(lspFraming().encode('"ü𝄞"'))))).toEqual(['"ü𝄞"']);
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
    expect(() => lspFraming().push(Buffer.from(text))).toThrow(expect.objectContaining({ code }));
  });

  test('a length of exactly the limit passes', () => {
    const framing = lspFraming();
    expect(framing.push(Buffer.from(`Content-Length: ${LINE_BYTES_MAX}\r\n\r\nbegun`))).toEqual([]);
    expect(framing.pending()).toBe('begun'.length);
  });
});
