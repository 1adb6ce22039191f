import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { BdError, messageOf } from '../core/errors.ts';
import { isNotFound } from '../platform/files.ts';
import { gitError, gitOutput, parseSettings, type Git, type GitReachOptions } from './git.ts';

type ObjectKind = 'blob' | 'tree' | 'commit';

/** How the repository stores objects: gitrepository-layout(5), git-config(1). */
interface Storage {
  algorithm: 'sha1' | 'sha256';
  /** Whether git itself would write a plain loose file; otherwise git has to write. */
  isPlain: boolean;
}

/** Extensions that change nothing about loose objects. */
const HARMLESS = /^(?:objectformat|partialclone|worktreeconfig|refstorage|preciousobjects|noop)$/;

const compress = promisify(deflate);

/** The objects of a repository. A write needs no git process, and one process reads many. */
export class GitObjects {
  readonly #git: Git;
  #storage: Promise<Storage> | undefined;
  #written = new Set<string>();

  constructor(git: Git) {
    this.#git = git;
  }

  /** Writes a loose object and returns its name; an object that is there already counts as young again. */
  async write(kind: ObjectKind, content: Uint8Array): Promise<string> {
    const storage = await this.#readStorage();
    const name = storage.isPlain
      ? await this.#writeLoose(kind, content, storage)
      : await writeByGit(this.#git, kind, content);
    this.#written.add(name);
    return name;
  }

  /**
   * Whether everything written since the last call is still there. Ask it after a ref leads to the objects:
   * until then a `git gc --prune=now` may have removed them.
   */
  async haveLasted(): Promise<boolean> {
    const names = [...this.#written];
    this.#written = new Set();
    const others = names.filter((name) => !existsSync(this.#pathOf(name)));
    if (others.length === 0) return true;
    // They may have been packed meanwhile.
    const { stdout, exitCode } = await this.#git.reach(['cat-file', '--batch-check'], {
      input: others.map((name) => `${name}\n`).join(''),
    });
    return exitCode === 0 && !/ missing$/m.test(stdout.toString());
  }

  /**
   * Reads each of `names` (an object's name, or `<commit>:<path>`) in one git process; undefined for what is
   * not there. In a partial clone this fetches what is missing.
   */
  async read(names: readonly string[]): Promise<(Buffer | undefined)[]> {
    const { stdout, exitCode, stderr } = await this.#git.reach(['cat-file', '--batch'], {
      input: names.map((name) => `${name}\n`).join(''),
    });
    if (exitCode === 0) return splitBatch(stdout, names.length);
    throw unreadable(this.#git, stderr);
  }

  /** The length of a name in a tree, in bytes: 20 for SHA-1, 32 for SHA-256. */
  async nameBytes(): Promise<number> {
    return (await this.#readStorage()).algorithm === 'sha1' ? 20 : 32;
  }

  async #readStorage(): Promise<Storage> {
    this.#storage ??= storageOf(this.#git);
    try {
      return await this.#storage;
    } catch (error) {
      // The next call asks again, as the cause may be gone by then.
      this.#storage = undefined;
      throw error;
    }
  }

  async #writeLoose(
    kind: ObjectKind,
    content: Uint8Array,
    { algorithm }: Storage,
  ): Promise<string> {
    const header = Buffer.from(`${kind} ${content.length}\0`);
    const name = createHash(algorithm).update(header).update(content).digest('hex');
    const path = this.#pathOf(name);
    if (await becomesYoung(path)) return name;
    // Speed over size: the objects are packed later, and compressed well then.
    await writeReadOnly(path, await compress(Buffer.concat([header, content]), { level: 1 }));
    return name;
  }

  #pathOf(name: string): string {
    return join(this.#git.gitDir, 'objects', name.slice(0, 2), name.slice(2));
  }
}

async function storageOf(git: Git): Promise<Storage> {
  const pattern = '^(extensions\\..*|core\\.sharedrepository)$';
  const { stdout, exitCode, stderr } = await git.run(['config', '-z', '--get-regexp', pattern]);
  // 1: the configuration has none of them.
  if (exitCode > 1) throw unreadable(git, stderr);
  let algorithm: Storage['algorithm'] = 'sha1';
  let isPlain = true;
  for (const { key, value } of parseSettings(stdout)) {
    const extension = /^extensions\.(.*)$/.exec(key)?.[1];
    if (extension === 'objectformat' && value === 'sha256') algorithm = 'sha256';
    // A shared repository has its own file modes, and an unknown extension may change anything.
    if (extension === undefined || !HARMLESS.test(extension)) isPlain = false;
  }
  return { algorithm, isPlain };
}

async function writeByGit(git: Git, kind: ObjectKind, content: Uint8Array): Promise<string> {
  const args = ['hash-object', '-w', '--stdin', '-t', kind];
  const { stdout, exitCode, stderr } = await git.run(args, { input: content });
  if (exitCode === 0) return stdout.toString().trim();
  throw new BdError('SYNC_FAILED', {
    message: `git cannot write an object in ${git.gitDir}: ${stderr.trim()}`,
    remedy: 'Check the free space and the permissions there, then run `bd sync`.',
  });
}

/**
 * Sets the file's time to now; false when there is no such object. The next `git gc` would remove an old
 * object that nothing refers to yet. An empty file is no object: a power cut can leave one, as neither git
 * nor bd waits for the disk here.
 */
async function becomesYoung(path: string): Promise<boolean> {
  const now = new Date();
  try {
    await utimes(path, now, now);
    return (await stat(path)).size > 0;
  } catch {
    return false;
  }
}

/** Like git, writes under a temporary name that git's maintenance clears away if this process dies. */
async function writeReadOnly(path: string, content: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `tmp_obj_${randomBytes(6).toString('hex')}`);
  const write = (): Promise<void> => writeFile(temporary, content, { mode: 0o444, flag: 'wx' });
  try {
    await write().catch(async (error: unknown) => {
      if (!isNotFound(error)) throw error;
      await mkdir(dirname(path), { recursive: true });
      await write();
    });
    await rename(temporary, path);
  } catch (error) {
    // What cannot be removed is left to git's maintenance.
    await rm(temporary, { force: true }).catch(() => {});
    throw new BdError('SYNC_FAILED', {
      message: `cannot write ${path}: ${messageOf(error)}`,
      remedy: 'Check the free space and the permissions there, then run `bd sync`.',
      cause: error,
    });
  }
}

/** Each is `<name> <kind> <size>\n<content>\n`, or `<name asked for> missing\n`. */
function splitBatch(output: Buffer, count: number): (Buffer | undefined)[] {
  const found: (Buffer | undefined)[] = [];
  for (let at = 0; found.length < count;) {
    const end = output.indexOf('\n', at);
    const size = /^[0-9a-f]+ \w+ (\d+)$/.exec(output.toString('latin1', at, end))?.[1];
    at = end + 1;
    if (size === undefined) {
      found.push(undefined);
      continue;
    }
    found.push(output.subarray(at, at + Number(size)));
    at += Number(size) + 1;
  }
  return found;
}

function unreadable(git: Git, stderr: string): BdError {
  return new BdError('SYNC_FAILED', {
    message: `git cannot read the issues in ${git.gitDir}: ${stderr.trim().split('\n')[0]}`,
    remedy: 'Check that the repository is sound (`git fsck`), then run `bd sync`.',
    details: { stderr },
  });
}

/** Packs what `tip` leads to and `since` does not, and removes the loose files that a pack has too. */
export async function packObjects(
  git: Git,
  tip: string,
  { since, ...options }: GitReachOptions & { since?: string | undefined },
): Promise<void> {
  const base = join(git.gitDir, 'objects', 'pack', 'pack');
  const input = `${tip}\n${since === undefined ? '' : `^${since}\n`}`;
  const packed = await git.reach([...PACK, base], { ...options, input });
  if (packed.exitCode !== 0) throw gitError(git, PACK, packed);
  await gitOutput(git, ['prune-packed', '--quiet']);
}

const PACK = [
  'pack-objects',
  '--quiet',
  '--revs',
  '--unpacked',
  '--incremental',
  '--non-empty',
  '--delta-base-offset',
  '--threads=1',
];
