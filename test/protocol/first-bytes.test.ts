import { expect, test } from 'vitest';
import { OPENING_LINE_BYTES_MAX } from '../../src/core/limits.ts';
import { beginsAsJson, beginsAsLsp, beginsAsMcp } from '../../src/protocol/first-bytes.ts';

test.each([
  ['{', true, false, undefined],
  [' \r\n\t{"jsonrpc"', true, false, undefined],
  ['Content-Length: 3', false, true, false],
  ['content-', false, true, false],
  ['[{"jsonrpc":"2.0"}]', false, false, false],
  ['GET / HTTP/1.1', false, false, false],
  ['Contrary', false, false, false],
  ['\u0000', false, false, false],
  ['', undefined, undefined, undefined],
  ['  \n', undefined, undefined, undefined],
  ['C', false, undefined, false],
  ['CONTENT', false, undefined, false],
])('%j begins as JSON: %s, as LSP: %s, as MCP: %s', (text, json, lsp, mcp) => {
  const bytes = Buffer.from(text);
  expect([beginsAsJson(bytes), beginsAsLsp(bytes), beginsAsMcp(bytes)]).toEqual([json, lsp, mcp]);
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
])('the line %s is an MCP opening: %s', (line, isMcp) => {
  expect(beginsAsMcp(Buffer.from(`\n${line}\nmore`))).toBe(isMcp);
});

test('a first line that is too long for an MCP opening is not waited for', () => {
  expect(beginsAsMcp(Buffer.alloc(OPENING_LINE_BYTES_MAX + 1, '{'))).toBe(false);
});
