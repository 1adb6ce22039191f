import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import { BdError, messageOf } from '../core/errors.ts';
import { isNotFound } from '../platform/files.ts';

export type ObjectKind = 'blob' | 'tree' | 'commit';

const compress = promisify(deflate);
const decompress = promisify(inflate);

/** Objects that have a file each, gitrepository-layout(5): what was written or fetched lately. */
export class LooseObjects {
  readonly #gitDir: string;

  constructor(gitDir: string) {
    this.#gitDir = gitDir;
  }

  /** Returns the object's name; one that is there already counts as young again. */
  async write(
    kind: ObjectKind,
    content: Uint8Array,
    algorithm: 'sha1' | 'sha256',
  ): Promise<string> {
    const header = Buffer.from(`${kind} ${content.length}\0`);
    const name = createHash(algorithm).update(header).update(content).digest('hex');
    const path = this.#pathOf(name);
    if (await becomesYoung(path)) return name;
    // Speed over size: the objects are packed later, and compressed well then.
    await writeReadOnly(path, await compress(Buffer.concat([header, content]), { level: 1 }));
    return name;
  }

  has(name: string): boolean {
    return existsSync(this.#pathOf(name));
  }

  /** The content; undefined when there is no such file, or git has to say what is wrong with it. */
  async read(name: string): Promise<Buffer | undefined> {
    try {
      const object = await decompress(await readFile(this.#pathOf(name)));
      const end = object.indexOf(0);
      const size = /^[a-z]+ (\d+)$/.exec(object.toString('latin1', 0, end))?.[1];
      return Number(size) === object.length - end - 1 ? object.subarray(end + 1) : undefined;
    } catch {
      return undefined;
    }
  }

  #pathOf(name: string): string {
    return join(this.#gitDir, 'objects', name.slice(0, 2), name.slice(2));
  }
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
