import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selectCommandEnvironment } from '../../src/client/client-environment.ts';
import { LINE_BYTES_MAX } from '../../src/core/limits.ts';
import { workspaceKey } from '../../src/place/socket-link.ts';
import { createRandom, type Random } from '../support/random.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// The native client under the sanitizers of memory and of undefined behaviour, with a daemon that sends anything in
// pieces of any size, and a workspace that holds anything. What is right must be printed byte by byte; what is not
// must be handed over, and nothing may crash. `npm run fuzz:client` does it a hundred thousand times.

const FRAMES = Number(process.env['FUZZ_FRAMES'] ?? '4000');
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);
/** Sent to one process at most. */
const FRAMES_PER_CALL = 100;
const AT_ONCE = 4;

/** What the program in Node's place ends with. */
const HANDED_OVER = 99;

const SANITIZERS = [
  '-g',
  '-O1',
  '-Werror',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=all',
];

const hasSanitizers = (): boolean => {
  const directory = mkdtempSync(join(tmpdir(), 'bd-cc-'));
  const args = [...SANITIZERS, '-x', 'c', '-o', join(directory, 'a'), '-'];
  const { status } = spawnSync('cc', args, { input: 'int main(void) { return 0; }' });
  rmSync(directory, { recursive: true });
  return status === 0;
};

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

describe.skipIf(!hasSanitizers())(`the native client, fuzzed with seed ${SEED}`, () => {
  let temp: TempDirectory;
  let client: string;
  beforeAll(() => {
    temp = createTempDirectory();
    client = join(temp.path, 'native/here/bd');
    const build = resolve(import.meta.dirname, '../../.build-native.mjs');
    execFileSync(process.execPath, [build, '--to', client, 'cc', ...SANITIZERS]);
    mkdirSync(join(temp.path, 'bin'));
    const node = join(temp.path, 'bin/node');
    writeFileSync(node, `#!/bin/sh\nprintf %s "$BD_HANDOVER"\nexit ${HANDED_OVER}\n`);
    chmodSync(node, 0o755);
  }, 120_000);
  afterAll(() => temp[Symbol.dispose]());

  /** A workspace whose daemon is `serve`. */
  async function openWorkspace(name: string, serve: (socket: Socket) => void) {
    const directory = join(temp.path, name);
    const beadsDir = join(directory, '.beads');
    mkdirSync(join(directory, '.git'), { recursive: true });
    mkdirSync(beadsDir);
    mkdirSync(join(directory, 'bd'), { mode: 0o700 });
    writeFileSync(join(beadsDir, 'metadata.json'), '{"project_id":"p"}');
    const path = join(directory, 'bd', `${workspaceKey({ beadsDir })}-1.sock`);
    const server = createServer((socket) => {
      socket.on('error', () => {});
      serve(socket);
    });
    await new Promise<void>((done) => server.listen(path, done));
    symlinkSync(path, join(beadsDir, 'bd.sock'));
    return {
      directory,
      beadsDir,
      async [Symbol.asyncDispose]() {
        await new Promise((done) => server.close(done));
        rmSync(directory, { recursive: true, force: true });
      },
    };
  }

  function call(
    cwd: string,
    args: string[],
    { input, env }: { input?: Buffer; env?: Record<string, string> } = {},
  ): Promise<Ended> {
    const child = spawn(client, args, {
      cwd,
      env: {
        PATH: `${join(temp.path, 'bin')}:/usr/bin:/bin`,
        HOME: temp.path,
        ASAN_OPTIONS: 'detect_leaks=0',
        ...env,
      },
    });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
    child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    return new Promise((done, fail) => {
      child.on('error', fail);
      child.on('close', (code) =>
        done({
          code,
          stdout: String(Buffer.concat(stdout)),
          stderr: String(Buffer.concat(stderr)),
        }),
      );
    });
  }

  /** Each has a random source of its own, so that a seed repeats it whatever runs beside it. */
  async function repeat(count: number, once: (random: Random, at: number) => Promise<void>) {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let at = next++; at < count; at = next++) await once(createRandom(SEED + at * 7919), at);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  test(
    `${FRAMES} frames are printed as they were meant, or handed over`,
    async () => {
      await repeat(Math.ceil(FRAMES / FRAMES_PER_CALL), async (random, at) => {
        const script = writeScript(random);
        const words = Array.from({ length: 1 + random.below(4) }, () => randomText(random, 40));
        const args = ['list', ...words.map(wellFormed)];
        const env = {
          LC_X: wellFormed(randomText(random, 30)),
          SECRET: 'x',
        };
        let asked = '';
        let isAnswering = false;
        await using workspace = await openWorkspace(`answers-${at}`, (socket) => {
          socket.setEncoding('utf8').on('data', (text) => {
            asked += String(text);
            if (isAnswering || !asked.includes('\n')) return;
            isAnswering = true;
            void send(socket, script, random);
          });
        });
        const input = randomBytes(random, 0);
        const ended = await call(workspace.directory, args, { input, env });
        const what = `seed ${SEED}, call ${at}: ${finding(ended)}`;
        const [request, reply] = asked
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as { id: unknown; params: object; result: object });
        expect(request?.params, what).toMatchObject({ argv: args, cwd: workspace.directory });
        expect(request?.params, what).toHaveProperty('env', selectCommandEnvironment(env));
        if (reply !== undefined) {
          expect(reply.id, what).toBe(ASKS_FOR_INPUT.id);
          const { text } = reply.result as { text: string };
          expect(input.toString().startsWith(text), what).toBe(true);
        }
        if (script.exitCode === undefined) {
          expect(ended.code, what).toBe(HANDED_OVER);
          // Something was shown before, or nothing was.
          expect(ended.stdout, what).toMatch(/\{"reason":.*\}$/s);
        } else {
          expect(ended, what).toEqual({
            code: script.exitCode,
            stdout: script.stdout,
            stderr: script.stderr,
          });
        }
      });
    },
    FRAMES * 50 + 60_000,
  );

  test('a line that never ends is handed over before it fills the memory', async () => {
    let sent = 0;
    await using workspace = await openWorkspace('endless', (socket) => {
      const piece = Buffer.alloc(65_536, 'x');
      const more = (): void => {
        while (!socket.destroyed && socket.write(piece)) sent += piece.length;
      };
      socket.on('drain', more);
      socket.once('data', () => {
        socket.write('{"jsonrpc":"2.0","method":"');
        more();
      });
    });
    const ended = await call(workspace.directory, ['list']);
    expect(ended.code, finding(ended)).toBe(HANDED_OVER);
    expect(sent).toBeLessThan(4 * LINE_BYTES_MAX);
  });

  test(
    `a workspace that holds anything is handed over, and no socket of others is spoken to`,
    async () => {
      const heard: string[] = [];
      await repeat(Math.ceil(FRAMES / 20), async (random, at) => {
        await using workspace = await openWorkspace(`places-${at}`, () => heard.push(`call ${at}`));
        const { directory, beadsDir } = workspace;
        writeFileSync(join(beadsDir, 'daemon.off'), '{}');
        rmSync(join(beadsDir, 'bd.sock'));
        if (random.chance(0.8))
          symlinkSync(hostileTarget(random, directory), join(beadsDir, 'bd.sock'));
        else mkdirSync(join(beadsDir, 'bd.sock'));
        if (random.chance(0.3)) {
          rmSync(join(directory, '.git'), { recursive: true });
          writeFileSync(join(directory, '.git'), hostileFile(random, directory));
        }
        for (const name of ['redirect', 'metadata.json', 'config.yaml']) {
          if (random.chance(0.1))
            writeFileSync(join(beadsDir, name), hostileFile(random, directory));
        }
        const ended = await call(directory, ['list']);
        expect(ended.code, `seed ${SEED}, place ${at}: ${finding(ended)}`).toBe(HANDED_OVER);
      });
      expect(heard).toEqual([]);
    },
    FRAMES * 50 + 60_000,
  );
});

/** What a sanitizer said. */
function finding({ stderr }: Ended): string {
  return /(?:ERROR: \w+Sanitizer|runtime error)[^]{0,1500}/.exec(stderr)?.[0] ?? '';
}

const ASKS_FOR_INPUT = { id: 'input "1"', method: 'read_stdin' };

/** What a daemon sends, and what must come of it; no exit code where it must be handed over. */
interface Script {
  bytes: Buffer;
  stdout: string;
  stderr: string;
  exitCode: number | undefined;
}

function writeScript(random: Random): Script {
  const out = { stdout: '', stderr: '' };
  const frames: Buffer[] = [];
  const count = random.below(FRAMES_PER_CALL);
  for (let at = 0; at < count; at += 1) {
    const stream = random.pick(['stdout', 'stderr'] as const);
    if (random.chance(0.7)) {
      const text = randomText(random, random.chance(0.02) ? 20_000 : 60);
      // As Node writes it: halves of a pair in two texts do not meet.
      out[stream] += Buffer.from(text).toString();
      frames.push(frame(random, { method: 'output', params: { stream, text } }));
    } else {
      const junk = randomValue(random, 0);
      frames.push(
        frame(random, { method: random.pick(['heartbeat', 'going_away']), params: { junk } }),
      );
    }
    if (random.chance(0.02)) frames.push(Buffer.from('\n'));
  }
  if (random.chance(0.3)) frames.splice(random.below(count), 0, frame(random, ASKS_FOR_INPUT));
  const isRight = random.chance(0.6);
  const exitCode = random.below(100);
  if (isRight) frames.push(frame(random, { id: 1, result: { exit_code: exitCode } }));
  else frames.push(wrongEnd(random));
  return { bytes: Buffer.concat(frames), ...out, exitCode: isRight ? exitCode : undefined };
}

/** After which the command must be handed over. */
function wrongEnd(random: Random): Buffer {
  const whole = frame(random, { id: 1, result: { exit_code: 0 } });
  const error = { code: -32_000, message: randomText(random, 90), data: { code: 'INTERNAL' } };
  return random.pick([
    () => whole.subarray(0, random.below(whole.length - 1)),
    () => frame(random, { id: 1, error }),
    () => frame(random, { id: 1, error: randomValue(random, 0) }),
    () =>
      frame(random, {
        id: 1,
        result: { exit_code: random.pick<unknown>([-1, 256, 1e9, 0.5, 'x', null]) },
      }),
    () => frame(random, { method: 'output', params: { stream: 'stdin', text: 'x' } }),
    () => frame(random, { method: 'output', params: { stream: 'stdout', text: 7 } }),
    () => frame(random, { id: 3, method: 'read_memory' }),
    () => Buffer.from(`${'['.repeat(1 + random.below(200_000))}\n`),
    () =>
      Buffer.from('{"jsonrpc":"2.0","method":"output","params":{"stream":"stdout","text":"\\u12'),
    () =>
      Buffer.from(
        '{"jsonrpc":"2.0","method":"output","params":{"stream":"stdout","text":"\\x"}}\n',
      ),
    () => Buffer.from('{"jsonrpc":"1.0","method":"heartbeat"}\n'),
    () =>
      Buffer.concat([
        Buffer.from('{"jsonrpc":"2.0","method":"'),
        randomBytes(random, 0x80),
        Buffer.from('"}\n'),
      ]),
    () => Buffer.concat([randomBytes(random, 0), Buffer.from('\n}\n')]),
  ])();
}

/** One message, its members in any order among others, with any white space. */
function frame(random: Random, message: Record<string, unknown>): Buffer {
  const members: [string, unknown][] = Object.entries({ jsonrpc: '2.0', ...message });
  if (random.chance(0.2)) members.push([`x${random.below(9)}`, randomValue(random, 0)]);
  const json = writeJson(random, Object.fromEntries(shuffled(random, members)));
  return Buffer.from(`${json}${random.chance(0.1) ? '\r' : ''}\n`);
}

/** JSON in one of the many ways in which a value can be written. */
function writeJson(random: Random, value: unknown): string {
  const space = (): string => (random.chance(0.1) ? random.pick([' ', '\t', '  ']) : '');
  if (typeof value === 'string') return writeString(random, value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${(value as unknown[]).map((item) => `${space()}${writeJson(random, item)}${space()}`).join(',')}]`;
  }
  const members = Object.entries(value).map(
    ([name, member]) =>
      `${space()}${JSON.stringify(name)}${space()}:${space()}${writeJson(random, member)}${space()}`,
  );
  return `{${members.join(',')}}`;
}

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function writeString(random: Random, text: string): string {
  // Names that decide are never escaped by a daemon, and are not known when they are.
  if (/^[a-z0-9_.]*$/.test(text)) return `"${text}"`;
  let json = '';
  for (const character of text) {
    const mustEscape =
      character < ' ' || '"\\'.includes(character) || /\p{Surrogate}/u.test(character);
    const short = SHORT[character];
    if (short !== undefined && random.chance(0.5)) json += short;
    else if (mustEscape || random.chance(0.1)) json += unicodeEscape(random, character);
    else json += character;
  }
  return `"${json}"`;
}

function unicodeEscape(random: Random, character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units
    .map((unit) => unit.toString(16).padStart(4, '0'))
    .map((hex) => `\\u${random.chance(0.5) ? hex : hex.toUpperCase()}`)
    .join('');
}

function randomText(random: Random, lengthMax: number): string {
  const length = random.below(lengthMax);
  const units = Array.from({ length }, () =>
    random.pick([
      () => 0x20 + random.below(0x5f),
      () => random.below(0x20),
      () => random.below(0x10000),
      () => 0xd800 + random.below(0x800),
      () => 0x80 + random.below(0x800),
    ])(),
  );
  return String.fromCharCode(...units);
}

/** As a word or a variable can be. */
function wellFormed(text: string): string {
  return Buffer.from(text.replaceAll('\0', '')).toString();
}

function randomValue(random: Random, depth: number): unknown {
  return random.pick<() => unknown>([
    () => randomText(random, 20),
    () => random.pick([0, -1, 1.5e300, 1e-7, 123_456, true, false, null]),
    () =>
      depth > 4
        ? []
        : Array.from({ length: random.below(4) }, () => randomValue(random, depth + 1)),
    () => (depth > 4 ? {} : { [randomText(random, 9)]: randomValue(random, depth + 1), a: 1 }),
  ])();
}

function randomBytes(random: Random, least: number): Buffer {
  return Buffer.from(
    Array.from({ length: 1 + random.below(60) }, () => least + random.below(256 - least)),
  );
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, rank: random.next() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/** In pieces, cut at any byte; most of them small. */
async function send(socket: Socket, { bytes }: Script, random: Random): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed;) {
    const size = 1 + random.below(random.pick([2, 50, 5_000, 200_000]));
    socket.write(bytes.subarray(at, at + size));
    at += size;
    if (random.chance(0.2)) await new Promise((done) => setImmediate(done));
  }
  socket.end();
}

function hostileTarget(random: Random, directory: string): string {
  const [beadsDir, name] = [
    join(directory, '.beads'),
    `${workspaceKey({ beadsDir: join(directory, '.beads') })}-1.sock`,
  ];
  return random.pick([
    () => `/${'a/'.repeat(random.below(2_000))}${name}`,
    () => `../bd/${name}`,
    () => join(directory, 'bd', name.replace('-', '-x')),
    () => join(directory, 'bd', `${name}/`),
    () => join(directory, 'bd', '.', '..', name),
    () => join(directory, name),
    () => join(dirname(directory), 'bd'),
    () => beadsDir,
    () => '/',
    () => `/${name}`,
    () => 'bd.sock',
    () => `x${wellFormed(randomText(random, 300))}`,
  ])();
}

function hostileFile(random: Random, directory: string): Buffer {
  return random.pick([
    () => randomBytes(random, 0),
    () => Buffer.from(`gitdir: ${join(directory, randomText(random, 30).replaceAll('\0', ''))}\n`),
    () => Buffer.from(`gitdir: ${'../'.repeat(random.below(3_000))}\n`),
    () => Buffer.from('gitdir: \n'),
    () => Buffer.from(`gitdir: ${join(directory, '.beads')}\n`),
    () => Buffer.alloc(random.below(100_000), '"project_id"'),
    () => Buffer.alloc(0),
  ])();
}
