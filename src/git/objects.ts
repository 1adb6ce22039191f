import { createHash, randomBytes } from 'node:crypto';
import { access, mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { BdError, messageOf } from '../core/errors.ts';
import { isNotFound } from '../platform/files.ts';
import type { Git } from './git.ts';

export type ObjectKind = 'blob' | 'tree' | 'commit';

/** The objects of a repository: written without a process each, read many in one. */
export interface GitObjects {
  /** Writes a loose object and returns its name; one that is there is left, and counts as young again. */
  write(kind: ObjectKind, content: Uint8Array): Promise<string>;
  /**
   * Whether all that was written since the last call is still there. Until a ref leads to it, a `git gc`
   * that is told to wait for nothing removes it: to be asked when one does.
   */
  haveLasted(): Promise<boolean>;
  /**
   * Each of `names` (an object's name, or `<commit>:<path>`) in one git process; undefined for what is not
   * there. In a partial clone reading fetches what is missing.
   */
  read(names: readonly string[]): Promise<(Buffer | undefined)[]>;
  /** How many bytes a name has in a tree: 20 for SHA-1, 32 for SHA-256. */
  nameBytes(): Promise<number>;
}

/** How the repository stores objects: gitrepository-layout(5), git-config(1). */
interface Storage {
  algorithm: 'sha1' | 'sha256';
  /** Whether a plain loose file is what git itself would write; otherwise git writes it. */
  isPlain: boolean;
}

/** What changes nothing about loose objects. */
const HARMLESS = /^(?:objectformat|partialclone|worktreeconfig|refstorage|preciousobjects|noop)$/;

const compress = promisify(deflate);

export function createGitObjects(git: Git): GitObjects {
  let storage: Promise<Storage> | undefined;
  const readStorage = async (): Promise<Storage> => {
    storage ??= storageOf(git);
    try {
      return await storage;
    } catch (error) {
      // Asked again the next time: what failed may be in order by then.
      storage = undefined;
      throw error;
    }
  };
  const pathOf = (name: string): string =>
    join(git.gitDir, 'objects', name.slice(0, 2), name.slice(2));
  let written = new Set<string>();

  const writeLoose = async (
    kind: ObjectKind,
    content: Uint8Array,
    { algorithm }: Storage,
  ): Promise<string> => {
    const header = Buffer.from(`${kind} ${content.length}\0`);
    const name = createHash(algorithm).update(header).update(content).digest('hex');
    if (await becomesYoung(pathOf(name))) return name;
    // Speed over size: upkeep packs the objects later, and compresses them well.
    const packed = await compress(Buffer.concat([header, content]), { level: 1 });
    await writeReadOnly(pathOf(name), packed);
    return name;
  };

  return {
    async write(kind, content) {
      const how = await readStorage();
      const name = how.isPlain
        ? await writeLoose(kind, content, how)
        : await writeByGit(git, kind, content);
      written.add(name);
      return name;
    },
    async haveLasted() {
      const names = [...written];
      written = new Set();
      const areLoose = await Promise.all(names.map((name) => isThere(pathOf(name))));
      const others = names.filter((_, at) => areLoose[at] !== true);
      if (others.length === 0) return true;
      // Packed meanwhile, perhaps.
      const { stdout, exitCode } = await git.reach(['cat-file', '--batch-check'], {
        input: others.map((name) => `${name}\n`).join(''),
      });
      return exitCode === 0 && !/ missing$/m.test(stdout.toString());
    },
    async read(names) {
      const { stdout, exitCode, stderr } = await git.reach(['cat-file', '--batch'], {
        input: names.map((name) => `${name}\n`).join(''),
      });
      if (exitCode === 0) return splitBatch(stdout, names.length);
      throw unreadable(git, stderr);
    },
    async nameBytes() {
      return (await readStorage()).algorithm === 'sha1' ? 20 : 32;
    },
  };
}

async function storageOf(git: Git): Promise<Storage> {
  const pattern = '^(extensions\\..*|core\\.sharedrepository)$';
  const { stdout, exitCode, stderr } = await git.run(['config', '-z', '--get-regexp', pattern]);
  // 1 is for a configuration that has none of them.
  if (exitCode > 1) throw unreadable(git, stderr);
  const settings = stdout.toString().split('\0').filter(Boolean);
  let algorithm: Storage['algorithm'] = 'sha1';
  let isPlain = true;
  for (const setting of settings) {
    const [key = '', value = ''] = setting.split('\n');
    const extension = /^extensions\.(.*)$/.exec(key)?.[1];
    if (extension === 'objectformat' && value === 'sha256') algorithm = 'sha256';
    // A shared repository has modes of its own, and an extension that is not known may have anything.
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

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * An old object that nothing refers to yet would be the next `git gc`'s to remove. An empty file is none:
 * a power cut can leave one, as git and bd leave it to the disk when objects are written out.
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

/** As git does: under a name that its own upkeep clears away if we die in between. */
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
    // Git's upkeep removes what is left.
    await rm(temporary, { force: true }).catch(() => {});
    throw new BdError('SYNC_FAILED', {
      message: `cannot write ${path}: ${messageOf(error)}`,
      remedy: 'Check the free space and the permissions there, then run `bd sync`.',
      cause: error,
    });
  }
}

/** `<name> <kind> <size>\n<content>\n` for each, or `<what was asked for> missing\n`. */
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
