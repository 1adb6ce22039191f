import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { expect, test } from 'vitest';
import { ERRORS } from '../src/core/errors.ts';
import { METHODS } from '../src/protocol/methods.ts';

const SRC = resolve(import.meta.dirname, '../src');
const DOCS = resolve(import.meta.dirname, '../docs');

/** What each folder may import, beside itself and packages. Imports point down only. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  protocol: ['core'],
  platform: ['core/errors.ts', 'core/limits.ts'],
  rpc: ['core', 'protocol', 'platform'],
  git: ['core', 'platform'],
  place: ['core', 'platform', 'git'],
  store: ['core', 'platform'],
  sync: ['core', 'platform', 'git', 'place', 'store'],
  workspace: ['core', 'protocol', 'platform', 'git', 'place', 'store', 'sync'],
  client: ['core', 'protocol', 'platform', 'rpc', 'git', 'place'],
  mcp: ['core', 'protocol', 'platform', 'rpc'],
  cli: ['core', 'protocol', 'platform', 'git', 'place', 'workspace', 'client'],
  local: ['core', 'protocol', 'platform', 'git', 'place', 'workspace', 'client', 'cli'],
  daemon: ['core', 'protocol', 'platform', 'rpc', 'place', 'workspace', 'client', 'cli', 'mcp'],
  native: ['core', 'protocol', 'platform', 'place', 'client', 'workspace/config/config.ts'],
};

const LINES_MAX = 400;

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);

const source = (file: string): string => readFileSync(join(SRC, file), 'utf8');

const IMPORT = /^(?:import\b[^'\n]*|.*\} from )'([^']+)'|\bimport\('([^']+)'\)/gm;

const importsOf = (file: string): string[] =>
  [...source(file).matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? '');

const folderOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : '');

test('imports point down only', () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((target) => target.startsWith('.'))
      .map((target) => relative(SRC, resolve(SRC, dirname(file), target)))
      .filter((target) => !mayImport(folderOf(file), target))
      .map((target) => `src/${file} imports src/${target}`),
  );
  expect(wrong, 'Move the code to a lower folder, or pass it in as an argument.').toEqual([]);
});

function mayImport(folder: string, target: string): boolean {
  if (folder === '' || folderOf(target) === folder) return true;
  // The version stands in package.json only.
  if (target === '../package.json') return folder === 'core';
  return (ALLOWED[folder] ?? []).some(
    (entry) => target === entry || (!entry.includes('/') && folderOf(target) === entry),
  );
}

test('every folder has its place in the map and its heading in ARCHITECTURE.md', () => {
  const folders = new Set(files.map(folderOf).filter((folder) => folder !== ''));
  expect([...folders].sort()).toEqual(Object.keys(ALLOWED).sort());
  const text = readFileSync(join(DOCS, 'ARCHITECTURE.md'), 'utf8');
  const missing = [...folders].filter((folder) => !text.includes(`### \`${folder}/\``));
  expect(missing, 'Explain the folder in docs/ARCHITECTURE.md.').toEqual([]);
});

test('core and protocol are pure: no Node modules but node:path', () => {
  const wrong = files
    .filter((file) => ['core', 'protocol'].includes(folderOf(file)))
    .flatMap((file) => importsOf(file).map((target) => ({ file, target })))
    .filter(({ target }) => !target.startsWith('.') && target !== 'node:path');
  expect(wrong, 'Take the effect as an argument.').toEqual([]);
});

test('only one file imports the driver of SQLite', () => {
  const importers = files.filter((file) => importsOf(file).includes('better-sqlite3'));
  expect(importers, 'Use openSqlite of src/platform/sqlite.ts.').toEqual(['platform/sqlite.ts']);
});

test('only entry points read the process’s arguments and environment, or exit', () => {
  const wrong = files
    .filter((file) => folderOf(file) !== '')
    .filter((file) => /\bprocess\.(argv|env|exit)\b/.test(source(file)));
  expect(wrong, 'Pass it down from src/bd.ts or src/bd-daemon.ts.').toEqual([]);
});

test('the clock and chance come in as arguments below the platform', () => {
  const wrong = files
    .filter((file) => ['core', 'protocol', 'store', 'sync', 'workspace'].includes(folderOf(file)))
    .filter((file) => /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(/.test(source(file)));
  expect(wrong, 'Use the Clock and the random source that were passed in.').toEqual([]);
});

test('no file is longer than a person reads at once', () => {
  const long = files.filter((file) => source(file).split('\n').length > LINES_MAX);
  expect(long, 'Split it by concept.').toEqual([]);
});

test('no barrels, no drawers', () => {
  const drawers = /(^|\/)(index|utils?|helpers?|common|types|misc|manager)\.ts$/;
  expect(
    files.filter((file) => drawers.test(file)),
    'Name the file for its concept.',
  ).toEqual([]);
});

test('no import cycles', () => {
  const graph = new Map(
    files.map((file) => [
      file,
      importsOf(file)
        .filter((target) => target.startsWith('.'))
        .map((target) => relative(SRC, resolve(SRC, dirname(file), target))),
    ]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (done.has(file) || path.includes(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(cycles, 'Move what both need into a file of its own.').toEqual([]);
});

test('every method has its heading in PROTOCOL.md', () => {
  const text = readFileSync(join(DOCS, 'PROTOCOL.md'), 'utf8');
  const missing = Object.keys(METHODS).filter((method) => !text.includes(`### \`${method}\``));
  expect(missing, 'Describe the method in docs/PROTOCOL.md.').toEqual([]);
});

test('every error has its row in PROTOCOL.md', () => {
  const text = readFileSync(join(DOCS, 'PROTOCOL.md'), 'utf8');
  const rows = [...text.matchAll(/^\| (-?\d+) \| `([A-Z_]+)` \| (\d+) \|/gm)].map(
    ([, rpc, name, exit]) => [name, { rpc: Number(rpc), exit: Number(exit) }],
  );
  expect(Object.fromEntries(rows), 'Correct the table of errors in docs/PROTOCOL.md.').toEqual(
    ERRORS,
  );
});

test('every promise in SECURITY.md names tests that are there', () => {
  const text = readFileSync(join(DOCS, 'SECURITY.md'), 'utf8');
  const named = [...text.matchAll(/`(test\/[^`]+\.ts)`/g)].map((match) => match[1] ?? '');
  expect(named.length).toBeGreaterThan(10);
  const missing = named.filter((file) => !existsSync(resolve(DOCS, '..', file)));
  expect(missing, 'Name the test that tries to break the promise.').toEqual([]);
});

test('the thin client stays thin', () => {
  const dist = resolve(import.meta.dirname, '../dist');
  const bundle = readFileSync(join(dist, 'bd.js'), 'utf8');
  const heavy = ['better-sqlite3', 'commander', 'simple-git', 'vscode-jsonrpc', 'zod', 'chokidar'];
  const loaded = staticRequires(dist, 'bd.js', bundle);
  const found = heavy.filter((name) => [...loaded.values()].some((code) => code.includes(name)));
  expect(found, 'Put it behind a dynamic import().').toEqual([]);
  const bytes = [...loaded.keys()].reduce((sum, name) => sum + statSync(join(dist, name)).size, 0);
  expect(loaded.size).toBeGreaterThan(1);
  expect(bytes).toBeLessThan(34 * 1024);
});

test('a daemon’s start loads few chunks, named for what is in them, each with its source map', () => {
  const dist = resolve(import.meta.dirname, '../dist');
  const entry = readFileSync(join(dist, 'bd-daemon.js'), 'utf8');
  const loaded = [...staticRequires(dist, 'bd-daemon.js', entry).keys()].filter(
    (name) => !name.startsWith('rolldown-runtime'),
  );
  const names = loaded.map((name) => name.replace(/(-.{8})?\.js$/, '')).sort();
  const parts = ['bd-daemon', 'client', 'core', 'daemon'];
  expect(names, 'See .rolldown.config.mjs.').toEqual(parts);
  for (const name of loaded) expect(existsSync(join(dist, `${name}.map`)), name).toBe(true);
});

/** The chunks that load with the entry, before any dynamic import. */
function staticRequires(dist: string, name: string, code: string): Map<string, string> {
  const loaded = new Map([[name, code]]);
  for (const [, text] of loaded) {
    // The first statement holds them; later ones are in functions.
    const [first = ''] = text.split(';');
    for (const match of first.matchAll(/require\("\.\/([^"]+)"\)/g)) {
      const chunk = match[1] ?? '';
      if (!loaded.has(chunk)) loaded.set(chunk, readFileSync(join(dist, chunk), 'utf8'));
    }
  }
  return loaded;
}

/** Files of one name: the same concept on several floors, or a check of the workspace named for what it checks. */
const ONE_CONCEPT: readonly (readonly string[])[] = [
  ['core/dependency.ts', 'protocol/methods/dependency.ts', 'workspace/operations/dependency.ts'],
  ['core/issue.ts', 'protocol/methods/issue.ts'],
  ['protocol/methods/conflict.ts', 'workspace/operations/conflict.ts'],
  ['protocol/methods/workspace.ts', 'workspace/workspace.ts'],
  ['protocol/daemon-methods.ts', 'daemon/daemon-methods.ts'],
  ['cli/commands/config.ts', 'workspace/config/config.ts'],
  ['cli/commands/conflicts.ts', 'core/causal/conflicts.ts'],
  ['cli/commands/label.ts', 'workspace/operations/label.ts'],
  ['cli/commands/migrate.ts', 'workspace/init/migrate.ts'],
  ['cli/commands/service.ts', 'local/service.ts'],
  ['cli/commands/doctor.ts', 'local/doctor.ts'],
  ['cli/commands/sync.ts', 'workspace/operations/sync.ts'],
  ['cli/commands/uninstall.ts', 'workspace/init/uninstall.ts'],
  ['cli/commands/close.ts', 'mcp/tools/close.ts'],
  ['cli/commands/create.ts', 'mcp/tools/create.ts'],
  ['cli/commands/ready.ts', 'mcp/tools/ready.ts'],
  ['cli/commands/show.ts', 'mcp/tools/show.ts'],
  ['cli/commands/update.ts', 'mcp/tools/update.ts'],
  ['cli/commands/daemon.ts', 'client/checkup/daemon.ts'],
  ['git/git.ts', 'workspace/checkup/git.ts'],
  ['platform/files.ts', 'workspace/checkup/files.ts'],
];

test('two files share a name only where they are one concept', () => {
  const shared = withOneName(files, (file) => basename(file)).filter(
    (same) => !ONE_CONCEPT.some((known) => same.every((file) => known.includes(file))),
  );
  expect(shared, 'Name each file for its own concept, or list them in ONE_CONCEPT.').toEqual([]);
});

test('no two exported types have one name', () => {
  const types = files.flatMap((file) =>
    [...source(file).matchAll(/^export (?:interface|type|class) (\w+)/gm)].map(
      (match) => `${match[1]} in ${file}`,
    ),
  );
  const shared = withOneName(types, (type) => type.split(' ')[0] ?? '');
  expect(shared, 'Give each its own name, or export one and use it twice.').toEqual([]);
});

function withOneName(items: readonly string[], nameIn: (item: string) => string): string[][] {
  const groups = new Map<string, string[]>();
  for (const item of items) groups.set(nameIn(item), [...(groups.get(nameIn(item)) ?? []), item]);
  return [...groups.values()].filter((group) => group.length > 1);
}

const FUNCTION_LINES_MAX = 60;

test('no function is longer than a screen, tables of data and SQL apart', () => {
  const long = files.flatMap((file) =>
    functionsIn(file)
      .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
      .map(({ name, lines }) => `${file}: ${name} has ${lines} lines`),
  );
  expect(long, 'Split it by what it does.').toEqual([]);
});

type SyntaxNode = Readonly<Record<string, unknown>> & { type: string; start: number; end: number };

/** Every function of a file by the name it is known by, with the lines that are code. */
function functionsIn(file: string): { name: string; lines: number }[] {
  const text = source(file);
  if (text.split('\n').length <= FUNCTION_LINES_MAX) return [];
  const found: { name: string; lines: number }[] = [];
  /** Returns how many lines of data lie in the node. */
  const visit = (node: SyntaxNode, known: string): number => {
    const lines = text.slice(node.start, node.end).split('\n').length;
    if (lines === 1) return 0;
    if (isData(node)) return lines - 1;
    const name = nameOf(node) ?? known;
    const dataLines = childrenOf(node).reduce((sum, child) => sum + visit(child, name), 0);
    if (/^(Arrow)?Function(Declaration|Expression)$/.test(node.type)) {
      found.push({ name, lines: lines - dataLines });
    }
    return dataLines;
  };
  visit(parseAst(text, { lang: 'ts' }, file) as unknown as SyntaxNode, file);
  return found;
}

function nameOf(node: SyntaxNode): string | undefined {
  if (node.type === 'MemberExpression') return undefined;
  for (const member of [node['id'], node['key']]) {
    if (isNode(member) && typeof member['name'] === 'string') return member['name'];
  }
  return undefined;
}

/** A text over several lines, such as SQL, or a literal with nothing but literals in it. */
function isData(node: SyntaxNode): boolean {
  if (node.type === 'TemplateLiteral' || node.type === 'Literal') return true;
  const isTable = ['ArrayExpression', 'ObjectExpression', 'Property'].includes(node.type);
  return isTable && childrenOf(node).every((child) => child === node['key'] || isData(child));
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  return Object.values(node).flat().filter(isNode);
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}
