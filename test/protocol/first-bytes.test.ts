import { expect, test } from 'vitest';
import { decideFace, isMcpOpening } from '../../src/protocol/first-bytes.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

test.each([
  ['{', 'line-json'],
  [' \r\n\t{"jsonrpc"', 'line-json'],
  ['Content-Length: 3', 'lsp'],
  ['content-', 'lsp'],
  ['[{"jsonrpc":"2.0"}]', 'unknown'],
  ['GET / HTTP/1.1', 'unknown'],
  ['Contrary', 'unknown'],
  ['\u0000', 'unknown'],
])('%j opens %s', (text, face) => {
  expect(decideFace(bytes(text))).toBe(face);
});

test.each(['', '  \n', 'C', 'CONTENT'])('%j does not say yet', (text) => {
  expect(decideFace(bytes(text))).toBeUndefined();
});

test.each([
  ['{"jsonrpc":"2.0","method":"bd/hello","params":{}}', true],
  ['{"jsonrpc":"2.0","id":1,"method":"initialize"}', true],
  ['{"jsonrpc":"2.0","id":1,"method":"server/discover"}', true],
  ['{"jsonrpc":"2.0","id":1,"method":"ping"}', false],
  [
    '{"jsonrpc":"2.0","id":1,"method":"run_command","params":{"argv":["create","initialize"]}}',
    false,
  ],
  ['{"method":"initialize"', false],
])('%s is an MCP opening: %s', (line, isMcp) => {
  expect(isMcpOpening(line)).toBe(isMcp);
});
