import { existsSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { defineConfig } from 'rolldown';

// How the program is cut into chunks: few files load faster than many. What the client loads for every command is
// one chunk, and what a daemon loads for its first answer are two more: git's merge driver needs one of them.
// Rolldown splits the rest by who loads it.

const ROOT = import.meta.dirname;
const [CLIENT, DAEMON] = ['src/bd.ts', 'src/bd-daemon.ts'].map((file) => resolve(ROOT, file));
/** Git runs it for each file: it loads no store. */
const MERGE = resolve(ROOT, 'src/workspace/merge-driver.ts');

/** Loaded with the first command, session or watch that needs them. */
const LATER = {
  'src/cli': 'cli',
  'node_modules/commander': 'cli',
  'src/mcp': 'mcp',
  'node_modules/@modelcontextprotocol': 'mcp',
  'node_modules/zod': 'mcp',
  'src/platform/directory-watch.ts': 'watch',
  'src/platform/directory-set-watch.ts': 'watch',
  'node_modules/chokidar': 'watch',
  'node_modules/readdirp': 'watch',
  'src/workspace/checkup': 'checkup',
  'src/store/store-look.ts': 'checkup',
};

/** Each with the packages that it needs itself. */
const PACKAGES = ['simple-git', 'proper-lockfile', 'yaml'];

const missing = Object.keys(LATER).find((path) => !existsSync(resolve(ROOT, path)));
if (missing !== undefined) throw new Error(`${missing} was moved: correct its name in this file`);

export default defineConfig({
  input: [CLIENT, DAEMON],
  preserveEntrySignatures: false,
  platform: 'node',
  // Its addon is loaded by path: platform/sqlite.ts.
  external: ['bindings'],
  transform: { target: 'node20' },
  // Exporting a limit from the client's chunk takes ten times the bytes of the number itself.
  optimization: { inlineConst: { mode: 'all' } },
  output: {
    dir: 'dist',
    cleanDir: true,
    format: 'cjs',
    minify: true,
    sourcemap: true,
    sourcemapExcludeSources: true,
    codeSplitting: {
      groups: [
        {
          name: nameChunk,
          debugName: 'src',
          priority: 1,
          includeDependenciesRecursively: false,
        },
        ...PACKAGES.map((name) => ({
          name,
          test: (id) => pathOf(id).startsWith(`node_modules/${name}/`),
        })),
      ],
    },
  },
  logLevel: 'warn',
});

function nameChunk(id, context) {
  if (id === CLIENT || id === DAEMON) return null;
  if (reachedFrom(CLIENT, context).has(id)) return 'client';
  if (reachedFrom(DAEMON, context).has(id)) {
    return reachedFrom(MERGE, context).has(id) ? 'core' : 'daemon';
  }
  return find(LATER, id) ?? (pathOf(id).startsWith('src/core/') ? 'core' : null);
}

/** The name for the first path that the file is at, or below. */
function find(names, id) {
  return Object.entries(names).find(([path]) => `${pathOf(id)}/`.startsWith(`${path}/`))?.[1];
}

/** From the root; that of a package begins with `node_modules`, wherever that is. */
function pathOf(id) {
  const at = id.lastIndexOf(`${sep}node_modules${sep}`);
  const path = at < 0 ? relative(ROOT, id) : id.slice(at + 1);
  return path.replaceAll(sep, '/');
}

const reached = new Map();

/** Every module that is loaded with an entry, before any import(). */
function reachedFrom(entry, context) {
  const known = reached.get(entry);
  if (known !== undefined) return known;
  const found = new Set([entry]);
  for (const id of found) {
    for (const next of context.getModuleInfo(id)?.importedIds ?? []) found.add(next);
  }
  reached.set(entry, found);
  return found;
}
