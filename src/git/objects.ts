import { join } from 'node:path';
import { BdError } from '../core/errors.ts';
import { LooseObjects, type ObjectKind } from './loose-objects.ts';
import { gitError, gitOutput, parseSettings, type Git, type GitReachOptions } from './git.ts';

/** How the repository stores objects: gitrepository-layout(5), git-config(1). */
interface Storage {
  algorithm: 'sha1' | 'sha256';
  /** Whether git itself would write a plain loose file; otherwise git has to write. */
  isPlain: boolean;
}

/** Extensions that change nothing about loose objects. */
const HARMLESS = /^(?:objectformat|partialclone|worktreeconfig|refstorage|preciousobjects|noop)$/;

const OBJECT_NAME = /^[0-9a-f]{40,64}$/;

/** The objects of a repository. Loose ones are written and read without a git process; one process reads all others. */
export class GitObjects {
  readonly #git: Git;
  readonly #loose: LooseObjects;
  #storage: Promise<Storage> | undefined;
  #written = new Set<string>();

  constructor(git: Git) {
    this.#git = git;
    this.#loose = new LooseObjects(git.gitDir);
  }

  /** Writes a loose object and returns its name; an object that is there already counts as young again. */
  async write(kind: ObjectKind, content: Uint8Array): Promise<string> {
    const storage = await this.#readStorage();
    const name = storage.isPlain
      ? await this.#loose.write(kind, content, storage.algorithm)
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
    const others = names.filter((name) => !this.#loose.has(name));
    if (others.length === 0) return true;
    // They may have been packed meanwhile.
    const { stdout, exitCode } = await this.#git.reach(['cat-file', '--batch-check'], {
      input: others.map((name) => `${name}\n`).join(''),
    });
    return exitCode === 0 && !/ missing$/m.test(stdout.toString());
  }

  /**
   * Reads each of `names` (an object's name, or `<commit>:<path>`); undefined for what is not there. In a
   * partial clone this fetches what is missing.
   */
  async read(names: readonly string[]): Promise<(Buffer | undefined)[]> {
    const found = await Promise.all(names.map((name) => this.readLoose(name)));
    const others = names.filter((_, at) => found[at] === undefined);
    if (others.length === 0) return found;
    const rest = (await this.#readByGit(others)).values();
    return found.map((content) => content ?? rest.next().value);
  }

  /** The object, if it is loose and `name` is its own name. */
  async readLoose(name: string): Promise<Buffer | undefined> {
    return OBJECT_NAME.test(name) ? await this.#loose.read(name) : undefined;
  }

  async #readByGit(names: readonly string[]): Promise<(Buffer | undefined)[]> {
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
