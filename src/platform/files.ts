import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { dateBack, renameStamped } from './file-version.ts';
import { heirOf } from './owner.ts';

/**
 * A file's new content beside it, which replaces it on `commit`; disposed before that, it is removed. `mode`
 * defaults to 0644, as issue files are read by other tools.
 */
export class StagedFile implements AsyncDisposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  #writtenNs: bigint | undefined;
  #isOpen = true;
  #isCommitted = false;

  private constructor({ path, temporary, file }: StagedPlace) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
  }

  static async create(path: string, { mode = 0o644 }: { mode?: number } = {}): Promise<StagedFile> {
    const name = `${stagedPrefix(path)}${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    const temporary = join(dirname(path), name);
    const file = await open(temporary, 'wx', mode);
    const staged = new StagedFile({ path, temporary, file });
    try {
      const heir = heirOf(dirname(path));
      if (heir !== undefined) await file.chown(heir.uid, heir.gid);
      return staged;
    } catch (error) {
      await staged[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Appends. */
  async write(content: string | Uint8Array): Promise<void> {
    await this.#file.writeFile(content);
  }

  /** Ends the writing, and waits for the disk. */
  async sync(): Promise<void> {
    this.#writtenNs = await dateBack(this.#file);
    await this.#file.sync();
    await this.#close();
  }

  /** Call after `sync`. Returns the stamp of the file in its place, if no later write can leave that unchanged. */
  async commit(): Promise<string | undefined> {
    const stamp = await renameStamped(this.#temporary, this.#path, this.#writtenNs);
    this.#isCommitted = true;
    return stamp;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    if (!this.#isCommitted) await rm(this.#temporary, { force: true });
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.close();
  }
}

interface StagedPlace {
  path: string;
  temporary: string;
  file: FileHandle;
}

/** Writes beside the target, syncs, then renames: a reader sees the old file or the new one, never half. */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  options?: { mode?: number },
): Promise<void> {
  await using staged = await StagedFile.create(path, options);
  await staged.write(content);
  await staged.sync();
  await staged.commit();
}

/** Removes what a killed process staged and did not commit; the caller is the file's only writer. */
export async function removeStaged(path: string): Promise<void> {
  const names = await readdir(dirname(path));
  const left = names.filter((name) => name.startsWith(stagedPrefix(path)) && name.endsWith('.tmp'));
  for (const name of left) await rm(join(dirname(path), name), { force: true });
}

/** Undefined when there is no such file. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Empty when there is no such file. */
export function readTextIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isNotFound(error)) return '';
    throw error;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function stagedPrefix(path: string): string {
  return `.${basename(path)}.`;
}
