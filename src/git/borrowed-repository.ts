import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface BorrowedRepository extends AsyncDisposable {
  gitDir: string;
}

/** Where git keeps refs, remotes and HEAD. */
const COPIED = ['HEAD', 'config', 'packed-refs', 'refs', 'reftable', 'shallow'];

const OFFLINE = ['', 'ext', 'file', 'ftp', 'ftps', 'git', 'http', 'https', 'ssh']
  .map((name) => `[protocol${name === '' ? '' : ` "${name}"`}]\n\tallow = never\n`)
  .join('');

/**
 * A temporary copy of the repository's refs, remotes and logins, which borrows its objects: a fetch there
 * leaves the repository itself unchanged. Disposing removes it.
 */
export async function borrowRepository(commonDir: string): Promise<BorrowedRepository> {
  const gitDir = await mkdtemp(join(tmpdir(), 'bd-look-'));
  const dispose = async (): Promise<void> => await rm(gitDir, { recursive: true, force: true });
  try {
    for (const name of COPIED.filter((each) => existsSync(join(commonDir, each)))) {
      await cp(join(commonDir, name), join(gitDir, name), { recursive: true });
    }
    await mkdir(join(gitDir, 'objects', 'info'), { recursive: true });
    const alternates = join(gitDir, 'objects', 'info', 'alternates');
    await writeFile(alternates, `${join(commonDir, 'objects')}\n`);
    return { gitDir, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The same, but git reaches no other repository from there, whatever protocols its settings allow. */
export async function borrowOffline(commonDir: string): Promise<BorrowedRepository> {
  const borrowed = await borrowRepository(commonDir);
  // The last value of a setting counts, so these override the repository's own.
  await writeFile(join(borrowed.gitDir, 'config'), `\n${OFFLINE}`, { flag: 'a' });
  return borrowed;
}
