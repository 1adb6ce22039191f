// Compiles the native client: for this machine, where a C compiler is, or with `--release` for every system that
// the package is for, with Zig's compiler (`pip install ziglang`), or with `--to <file> cc <flags>` as a test wants
// it. Without a compiler, Node does everything.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';

const ROOT = import.meta.dirname;
const SOURCES = ['bd.c', 'command.c', 'place.c', 'start.c', 'text.c'];
const WARNINGS = ['-std=c11', '-Wall', '-Wextra'];
const ZIG_TARGETS = {
  'linux-x64': 'x86_64-linux-musl',
  'linux-arm64': 'aarch64-linux-musl',
  'darwin-x64': 'x86_64-macos',
  'darwin-arm64': 'aarch64-macos',
};

const [option, program, ...compiler] = process.argv.slice(2);
if (option === '--to') await compile(compiler, program);
else removeOthers(await (option === '--release' ? compileAll() : compileHere()));

async function compileAll() {
  for (const [platform, target] of Object.entries(ZIG_TARGETS)) {
    const compiler = ['python3', '-m', 'ziglang', 'cc', '-Werror', '-Os', '-s', '-target', target];
    await compile(compiler, programOf(platform));
  }
  return Object.keys(ZIG_TARGETS);
}

async function compileHere() {
  if (process.platform === 'win32') return [];
  const platform = `${process.platform}-${process.arch}`;
  const program = programOf(platform);
  const compiler = [process.env['CC'] || 'cc', '-O2', '-s'];
  try {
    // Starts twice as fast; not every system has the libraries for it.
    await compile([...compiler, '-static'], program).catch(() => compile(compiler, program));
    return [platform];
  } catch (error) {
    const [reason] = String(error.stderr || error.message).split('\n');
    console.log(`The native client was not compiled, so Node does everything: ${reason}`);
    return [];
  }
}

/** Those of an earlier build may be of an older version. */
function removeOthers(made) {
  const directory = join(ROOT, 'native');
  if (!existsSync(directory)) return;
  for (const platform of readdirSync(directory).filter((name) => !made.includes(name))) {
    rmSync(join(directory, platform), { recursive: true });
  }
}

function programOf(platform) {
  return join(ROOT, 'native', platform, 'bd');
}

/** Replaces the program in one step, as it may be running. */
async function compile([command, ...flags], program) {
  const include = mkdtempSync(join(tmpdir(), 'bd-native-'));
  const made = `${program}.${process.pid}`;
  try {
    writeFileSync(join(include, 'constants.h'), await renderConstants());
    mkdirSync(dirname(program), { recursive: true });
    const sources = SOURCES.map((name) => join(ROOT, 'src/native', name));
    const args = [...flags, ...WARNINGS, `-I${include}`, '-o', made, ...sources];
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    renameSync(made, program);
  } finally {
    rmSync(include, { recursive: true, force: true });
  }
}

async function renderConstants() {
  const bundle = await rolldown({
    input: join(ROOT, 'src/native/constants.ts'),
    platform: 'node',
    external: ['better-sqlite3'],
  });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false });
  const { renderHeader } = await import(
    `data:text/javascript,${encodeURIComponent(output[0].code)}`
  );
  return renderHeader();
}
