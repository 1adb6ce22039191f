import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { renameStamped } from './file-version.ts';
import { heirOf } from './owner.ts';

/**
 * Syncs a file's new content to the disk beside it; it replaces the file on `commit`. `mode` defaults to 0644, as
 * issue files are read by other tools.
 */
export async function stageFile(
  path: string,
  content: string | Uint8Array,
  { mode = 0o644 }: { mode?: number } = {},
) {
  const name = `${stagedPrefix(path)}${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const temporary = join(dirname(path), name);
  const discard = (): Promise<void> => rm(temporary, { force: true });
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      const heir = heirOf(dirname(path));
      if (heir !== undefined) await file.chown(heir.uid, heir.gid);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    discard,
    /** Returns the stamp of the file in its place, if no later write can leave that unchanged. */
    async commit(): Promise<string | undefined> {
      try {
        return await renameStamped(temporary, path);
      } catch (error) {
        await discard();
        throw error;
      }
    },
  };
}

/** Writes beside the target, syncs, then renames: a reader sees the old file or the new one, never half. */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  options?: { mode?: number },
): Promise<void> {
  const staged = await stageFile(path, content, options);
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
