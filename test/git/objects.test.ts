import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { createGit, type Git } from '../../src/git/git.ts';
import { GitObjects } from '../../src/git/objects.ts';
import { decodeTree, encodeTree } from '../../src/git/tree.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let repository: string;

beforeEach(() => {
  repository = join(sandbox.directory, 'repository');
});

function openGit(...init: string[]): Git {
  sandbox.git(sandbox.directory, 'init', '--quiet', '-b', 'main', ...init, repository);
  return createGit({ gitDir: join(repository, '.git'), env: sandbox.env });
}

const git = (...args: string[]): string => sandbox.git(repository, ...args);

describe('an object', () => {
  it.each([
    ['SHA-1', ['--object-format=sha1']],
    ['SHA-256', ['--object-format=sha256']],
    ['a repository that several people share', ['--shared=group']],
  ])('is named and stored as git does it: %s', async (_case, init) => {
    const objects = new GitObjects(openGit(...init));
    const content = Buffer.from('one\nline\u00e4\0and more\n');
    const blob = await objects.write('blob', content);
    expect(await objects.read([blob])).toEqual([content]);
    const entries = [
      { mode: '100644', name: 'a.jsonl', oid: blob },
      { mode: '100755', name: 'a', oid: blob },
    ];
    const inner = await objects.write('tree', encodeTree(entries));
    const tree = await objects.write(
      'tree',
      encodeTree([...entries, { mode: '40000', name: 'a.json', oid: inner }]),
    );
    expect(git('ls-tree', '--name-only', tree).split('\n')).toEqual(['a', 'a.json', 'a.jsonl']);
    expect(git('ls-tree', '-r', '--name-only', tree)).toContain('a.json/a.jsonl');
    git('fsck', '--strict');
    const [read] = await objects.read([tree]);
    const listed = decodeTree(read ?? Buffer.alloc(0), await objects.nameBytes());
    expect(listed.map(({ name }) => name)).toEqual(['a', 'a.json', 'a.jsonl']);
    expect(encodeTree(listed)).toEqual(read);
    expect(listed.at(-1)?.oid).toBe(blob);
  });

  it('that is there already is left, and made young for the next gc', async () => {
    const objects = new GitObjects(openGit());
    const blob = await objects.write('blob', Buffer.from('x'));
    const path = join(repository, '.git/objects', blob.slice(0, 2), blob.slice(2));
    const bytes = readFileSync(path);
    utimesSync(path, 1, 1);
    expect(await objects.write('blob', Buffer.from('x'))).toBe(blob);
    expect(statSync(path).mtimeMs).toBeGreaterThan(1_000_000);
    expect(readFileSync(path)).toEqual(bytes);
    expect(statSync(path).mode & 0o777).toBe(0o444);
  });

  it('of which a power cut left an empty file is written again', async () => {
    const objects = new GitObjects(openGit());
    const blob = await objects.write('blob', Buffer.from('x'));
    const path = join(repository, '.git/objects', blob.slice(0, 2), blob.slice(2));
    rmSync(path);
    writeFileSync(path, '');
    await objects.write('blob', Buffer.from('x'));
    expect(git('cat-file', 'blob', blob)).toBe('x');
  });

  it('is read without git while it has a file of its own, and by git when it is packed or damaged', async () => {
    const plain = openGit();
    const asked: string[] = [];
    const objects = new GitObjects({
      ...plain,
      reach(args, options) {
        asked.push(...(options?.input ?? '').toString().trim().split('\n'));
        return plain.reach(args, options);
      },
    });
    const contents = ['one', '', 'x'.repeat(100_000)].map((text) => Buffer.from(text));
    const names = await Promise.all(contents.map((content) => objects.write('blob', content)));
    const [one = '', empty = '', long = ''] = names;
    expect(await objects.read([long, one, empty])).toEqual([contents[2], contents[0], contents[1]]);
    expect(asked).toEqual([]);
    const pathOf = (name: string): string =>
      join(repository, '.git/objects', name.slice(0, 2), name.slice(2));
    const packed = sandbox.git(repository, 'hash-object', '-t', 'tree', '-w', '/dev/null');
    git('update-ref', 'refs/kept/one', git('commit-tree', '-m', 'x', packed));
    git('gc', '--quiet');
    expect(await objects.read([one, packed, long])).toEqual([
      contents[0],
      Buffer.alloc(0),
      contents[2],
    ]);
    expect(asked).toEqual([packed]);
    asked.length = 0;
    // Cut, and with a length that is not that of its content.
    for (const damaged of [
      readFileSync(pathOf(long)).subarray(0, 50),
      deflateSync('blob 9\0one'),
    ]) {
      rmSync(pathOf(long));
      writeFileSync(pathOf(long), damaged);
      // Git says what is wrong with it.
      await objects.read([one, long]).catch(() => {});
      expect(asked).toEqual([long]);
      asked.length = 0;
    }
  });

  it('that is not there reads as undefined, beside those that are', async () => {
    const objects = new GitObjects(openGit());
    const blob = await objects.write('blob', Buffer.from(''));
    const missing = '1'.repeat(40);
    expect(await objects.read([missing, blob, `${missing}:.beads`, blob])).toEqual([
      undefined,
      Buffer.alloc(0),
      undefined,
      Buffer.alloc(0),
    ]);
  });

  it.each([
    ['loose', []],
    ['as git writes it', ['--shared=group']],
  ])('has lasted until it is removed, and then reports that once: %s', async (_how, init) => {
    const objects = new GitObjects(openGit(...init));
    const kept = await objects.write('blob', Buffer.from('kept'));
    git('update-ref', 'refs/bd/kept', kept);
    expect(await objects.haveLasted()).toBe(true);
    await objects.write('blob', Buffer.from('kept'));
    await objects.write('blob', Buffer.from('lost'));
    git('gc', '--quiet', '--prune=now');
    expect(await objects.haveLasted()).toBe(false);
    expect(await objects.haveLasted()).toBe(true);
    await objects.write('blob', Buffer.from('kept'));
    git('gc', '--quiet', '--prune=now');
    expect(await objects.haveLasted()).toBe(true);
  });

  it('is stored as the repository wants it once its configuration can be read again', async () => {
    const objects = new GitObjects(openGit('--object-format=sha256'));
    const path = join(repository, '.git/config');
    const config = readFileSync(path);
    writeFileSync(path, 'half a line');
    await expect(objects.write('blob', Buffer.from('x'))).rejects.toMatchObject({
      code: 'SYNC_FAILED',
    });
    writeFileSync(path, config);
    const blob = await objects.write('blob', Buffer.from('x'));
    expect(git('cat-file', 'blob', blob)).toBe('x');
  });

  it('that cannot be stored is an error that names the place', async () => {
    const objects = new GitObjects(openGit());
    const objectsPath = join(repository, '.git/objects');
    rmSync(objectsPath, { recursive: true });
    writeFileSync(objectsPath, '');
    await expect(objects.write('blob', Buffer.from('x'))).rejects.toMatchObject({
      code: 'SYNC_FAILED',
      message: expect.stringContaining(objectsPath) as unknown,
    });
  });
});
