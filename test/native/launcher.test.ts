import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VERSION } from '../../src/core/version.ts';
import {
  createNativePackage,
  isNativeBuilt,
  type NativePackage,
} from '../support/native-package.ts';
import { useSandbox } from '../support/sandbox.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Those of them that are installed here run the launcher. */
const SHELLS = [
  ['dash'],
  ['bash', '--posix'],
  ['busybox', 'sh'],
  ['zsh', '--emulate', 'sh'],
  ['ksh'],
  ['mksh'],
];

const installed = SHELLS.filter(
  ([name = '']) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0,
);

describe.skipIf(!isNativeBuilt)('bin/bd', () => {
  const sandbox = useSandbox();
  let program: NativePackage;
  beforeEach(() => {
    program = createNativePackage(sandbox.at('my package'));
  });

  const run = (
    command: readonly string[],
    options: { cwd?: string; env?: object } = {},
  ): string => {
    const [file = '', ...args] = command;
    const { cwd = sandbox.directory, env } = options;
    return execFileSync(file, args, { cwd, env: { ...sandbox.env, ...env }, encoding: 'utf8' });
  };

  test.each(installed)('runs the native client under %s', (...shell) => {
    symlinkSync(program.bd, sandbox.at('a link'));
    for (const path of [program.bd, sandbox.at('a link'), './a link', 'a link']) {
      expect(run([...shell, path, '--version'])).toBe(`bd version ${VERSION}\n`);
    }
    run([...shell, 'bd', '--version'], { cwd: dirname(program.bd) });
    expect(program.handovers().map((each) => each?.reason)).toEqual(
      Array.from({ length: 5 }, () => 'there is no workspace here'),
    );
  });

  test.each(installed)(
    'passes each word on as it is under %s, with a native client or without',
    (...shell) => {
      const print = 'process.stdout.write(JSON.stringify(process.argv.slice(2)))';
      writeFileSync(sandbox.at('my package/dist/bd.js'), print);
      const words = ['version', '', 'a b', '*', "it's", '$HOME', '-n', '\\', 'größe'];
      expect(JSON.parse(run([...shell, program.bd, ...words]))).toEqual(words);
      rmSync(sandbox.at('my package/native'), { recursive: true });
      expect(JSON.parse(run([...shell, program.bd, ...words]))).toEqual(words);
    },
  );

  test('takes the client of this system among those of a package', () => {
    for (const system of ['linux-arm64', 'darwin-x64', 'darwin-arm64', 'linux-x64']) {
      const directory = sandbox.at('my package/native', system);
      if (existsSync(directory)) continue;
      mkdirSync(directory);
      cpSync('/bin/false', join(directory, 'bd'));
    }
    expect(run([program.bd, '--version'])).toContain(VERSION);
  });
});

describe('a package', () => {
  const sandbox = useSandbox();
  afterEach(() => {
    for (const name of readdirSync(ROOT).filter((each) => each.endsWith('.tgz')))
      expect(name).toBe('');
  });

  test('that npm packs has the clients that were built, and runs where it is installed without scripts', () => {
    const env = {
      ...sandbox.env,
      npm_config_offline: 'true',
      npm_config_cache: sandbox.at('cache'),
    };
    const npm = (cwd: string, ...args: string[]): string =>
      execFileSync('npm', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    npm(ROOT, 'pack', '--ignore-scripts', '--pack-destination', sandbox.directory);
    const tarball = sandbox.at(`beads-daemon-${VERSION}.tgz`);
    const names = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).split('\n');
    const built = isNativeBuilt ? [`package/native/${process.platform}-${process.arch}/bd`] : [];
    expect(names).toEqual(
      expect.arrayContaining(['package/bin/bd', 'package/dist/bd.js', ...built]),
    );
    // What npm does, but for fetching the dependencies.
    const installed = sandbox.at('lib/node_modules/beads-daemon');
    mkdirSync(installed, { recursive: true });
    mkdirSync(sandbox.at('bin'));
    execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
    symlinkSync(join(ROOT, 'node_modules'), join(installed, 'node_modules'));
    symlinkSync('../lib/node_modules/beads-daemon/bin/bd', sandbox.at('bin/bd'));
    const version = execFileSync('bd', ['version'], {
      cwd: sandbox.directory,
      env: { ...sandbox.env, PATH: `${sandbox.at('bin')}:${sandbox.env['PATH']}` },
      encoding: 'utf8',
    });
    expect(version).toContain(VERSION);
  });
});
