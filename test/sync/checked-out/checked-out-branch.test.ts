import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REAL_GIT } from '../../support/real-git.ts';
import { COMMIT_EDITOR_MS } from '../../../src/core/limits.ts';
import { eventually } from '../../support/eventually.ts';
import {
  createCheckedOutClone,
  fingerprint,
  MIRROR,
  ownCommits,
  OWNER,
  type CheckedOutClone,
} from '../checked-out.ts';
import { useSandbox } from '../../support/sandbox.ts';

const sandbox = useSandbox();
let open: CheckedOutClone[];

beforeEach(() => {
  open = [];
});
afterEach(() => {
  for (const { store } of open) store.close();
});

function clone(options: { remote?: string } = {}): CheckedOutClone {
  const made = createCheckedOutClone(sandbox, `c${open.length}`, options);
  open.push(made);
  return made;
}

/** A staged, a dirty and an untracked file. */
function litter({ write, git }: CheckedOutClone): void {
  write('staged.txt', 'staged');
  git('add', 'staged.txt');
  write('dirty.txt', 'one');
  git('add', 'dirty.txt');
  git('commit', '--quiet', '-m', 'dirty.txt', '--', 'dirty.txt');
  write('dirty.txt', 'two');
  write('untracked.txt', 'untracked');
}

const head = ({ git }: CheckedOutClone): string => git('rev-parse', 'HEAD');

describe('a change of an issue', () => {
  it('is committed on the branch that is checked out, alone, and nothing of the person’s moves', async () => {
    const a = clone();
    litter(a);
    a.git('stash', 'push', '--quiet', '--', 'dirty.txt');
    a.write('dirty.txt', 'two');
    const before = fingerprint(a);
    await a.change('t-a');
    expect(await a.cycle()).toMatchObject({ end: 'no_remote', pushed: 1 });
    expect(fingerprint(a)).toEqual(before);
    expect(a.status()).toBe(' M dirty.txt\nA  staged.txt\n?? untracked.txt');
    expect(ownCommits(a)).toEqual([{ subject: 'Auto-sync: 1 issue (t-a)', files: [MIRROR] }]);
    const signed = a.git('log', '-1', '--format=%an|%cn|%(trailers:key=Bd-Seal)');
    expect(signed).toBe('bd|bd|Bd-Seal: 1');
    expect(a.git('show', `HEAD:${MIRROR}`)).toContain('"t-a"');
    expect(a.store.outbox.pending().count).toBe(0);
    // Scripts ask so, without a look at the files first.
    expect(() => a.git('diff-files', '--quiet', '--', MIRROR)).not.toThrow();
  });

  it('makes one commit for all that waits, and none when nothing is new', async () => {
    const a = clone();
    await a.change('t-a');
    await a.change('t-b');
    await a.cycle();
    await a.cycle();
    expect(ownCommits(a).map(({ subject }) => subject)).toEqual(['Auto-sync: 2 issues (t-a, t-b)']);
    await a.change('t-b', 'Again');
    await a.cycle({ push: false });
    expect(ownCommits(a)).toHaveLength(2);
  });

  it('runs no hook, asks for no signature, and leaves the reflog to tell', async () => {
    const a = clone();
    const ran = join(sandbox.directory, 'ran');
    const hooks = join(a.directory, '.git/hooks');
    mkdirSync(hooks, { recursive: true });
    for (const hook of [
      'pre-commit',
      'commit-msg',
      'post-commit',
      'reference-transaction',
      'post-index-change',
    ]) {
      writeFileSync(join(hooks, hook), `#!/bin/sh\necho ${hook} >> '${ran}'\nexit 1\n`);
      chmodSync(join(hooks, hook), 0o755);
    }
    a.git('config', 'commit.gpgsign', 'true');
    a.git('config', 'gpg.program', '/bin/false');
    await a.change('t-a');
    expect(await a.cycle()).toMatchObject({ end: 'no_remote' });
    expect(existsSync(ran)).toBe(false);
    expect(a.git('reflog', '-1', '--format=%gs')).toBe('bd: auto-sync');
  });

  it('follows the person to another branch, and waits where there is none', async () => {
    const a = clone();
    await a.change('t-a');
    await a.cycle();
    a.git('checkout', '--quiet', '-b', 'side', 'HEAD~1');
    await a.mirror.flush();
    await a.cycle();
    expect(a.git('show', `side:${MIRROR}`)).toBe(a.git('show', `main:${MIRROR}`));
    expect(a.status()).toBe('');
    a.git('checkout', '--quiet', '--detach');
    await a.change('t-b');
    const at = head(a);
    expect(await a.cycle()).toMatchObject({ end: { kind: 'blocked', message: /no branch/ } });
    expect(head(a)).toBe(at);
    a.git('checkout', '--quiet', 'side');
    expect(await a.cycle()).toMatchObject({ end: 'no_remote' });
    expect(a.status()).toBe('');
  });
});

/** Blocks, and leaves all as it was; ends well once `free` has run. */
async function expectBlocked(a: CheckedOutClone, message: RegExp, free: () => unknown) {
  const before = fingerprint(a);
  const [at, staged] = [head(a), a.git('ls-files', '--stage')];
  const { end } = await a.cycle();
  expect(end).toMatchObject({ kind: 'blocked', message: expect.stringMatching(message) as string });
  expect([head(a), a.git('ls-files', '--stage')]).toEqual([at, staged]);
  expect(fingerprint(a)).toEqual(before);
  expect(existsSync(join(a.directory, '.git/bd-index'))).toBe(false);
  await free();
  expect(await a.cycle()).toMatchObject({ end: 'no_remote' });
}

describe('bd waits', () => {
  it('for anything that the user has staged in its file', async () => {
    const a = clone();
    await a.change('t-a');
    await a.cycle();
    await a.change('t-b');
    a.git('add', MIRROR);
    await expectBlocked(a, /is staged/, () => a.git('commit', '--quiet', '-m', 'With issues'));
    expect(ownCommits(a)).toHaveLength(1);
    a.git('rm', '--quiet', '--cached', MIRROR);
    await a.change('t-c');
    await expectBlocked(a, /is staged/, () => a.git('restore', '--staged', MIRROR));
    expect(a.git('show', `HEAD:${MIRROR}`)).toContain('t-c');
    expect(a.status()).toBe('');
  });

  it('while a rebase is stopped at a conflict, which then goes on', async () => {
    const a = clone();
    a.git('checkout', '--quiet', '-b', 'side');
    a.write('code.txt', 'side\n');
    a.git('commit', '--quiet', '-am', 'Side');
    a.git('checkout', '--quiet', 'main');
    a.write('code.txt', 'main\n');
    a.git('commit', '--quiet', '-am', 'Main');
    a.git('checkout', '--quiet', 'side');
    expect(() => a.git('rebase', 'main')).toThrow();
    await a.change('t-a');
    await expectBlocked(a, /in the middle of a rebase/, () => {
      a.write('code.txt', 'both\n');
      a.git('add', 'code.txt');
      a.git('-c', 'core.editor=true', 'rebase', '--continue');
    });
    expect(a.git('log', '--format=%s', 'side')).toBe(
      'Auto-sync: 1 issue (t-a)\nSide\nMain\nCode\nstart',
    );
    expect(a.status()).toBe('');
  });

  it('while a merge, a cherry-pick or a bisect is open', async () => {
    const a = clone();
    const gitDir = join(a.directory, '.git');
    await a.change('t-a');
    for (const [mark, name] of [
      ['MERGE_HEAD', /merge/],
      ['CHERRY_PICK_HEAD', /cherry-pick/],
      ['BISECT_LOG', /bisect/],
    ] as const) {
      await a.change('t-a', mark);
      writeFileSync(join(gitDir, mark), '');
      await expectBlocked(a, name, () => rmSync(join(gitDir, mark)));
    }
  });

  it('while another git command holds the index', async () => {
    const a = clone();
    await a.change('t-a');
    const lock = join(a.directory, '.git/index.lock');
    writeFileSync(lock, '');
    await expectBlocked(a, /index\.lock is there/, () => {
      expect(existsSync(lock)).toBe(true);
      rmSync(lock);
    });
  });

  it('on a branch without a commit', async () => {
    const a = clone();
    a.git('checkout', '--quiet', '--orphan', 'fresh');
    a.git('rm', '--quiet', '--cached', '-r', '.');
    await a.change('t-a');
    const { end } = await a.cycle();
    expect(end).toMatchObject({ kind: 'blocked', message: /fresh has no commit/ });
    expect(() => a.git('rev-parse', '--verify', 'fresh')).toThrow();
  });

  it('where git would store something else than the file', async () => {
    const a = clone();
    const attributes = join(a.directory, '.git/info/attributes');
    mkdirSync(join(a.directory, '.git/info'), { recursive: true });
    const ran = join(sandbox.directory, 'ran');
    a.git('config', 'filter.lfs.clean', `touch '${ran}'; cat`);
    writeFileSync(attributes, '*.jsonl filter=lfs\n');
    await a.change('t-a');
    await expectBlocked(a, /filter=lfs/, () => writeFileSync(attributes, '*.jsonl -filter\n'));
    expect(existsSync(ran)).toBe(false);
  });

  it('while a commit is open in an editor, and the commit goes through', async () => {
    const a = clone();
    litter(a);
    const [opened, close] = [join(sandbox.directory, 'opened'), join(sandbox.directory, 'close')];
    const editor = join(sandbox.directory, 'editor');
    const wait = `while [ ! -e '${close}' ]; do sleep 0.05; done`;
    writeFileSync(editor, `#!/bin/sh\ntouch '${opened}'\n${wait}\necho Mine > "$1"\n`);
    chmodSync(editor, 0o755);
    const committing = spawn(REAL_GIT, ['commit', '--quiet'], {
      cwd: a.directory,
      env: { ...sandbox.env, GIT_EDITOR: editor, ...IDENTITY },
      stdio: 'ignore',
    });
    await eventually(() => existsSync(opened));
    await a.change('t-a');
    await expectBlocked(a, /open in an editor/, async () => {
      writeFileSync(close, '');
      expect(await once(committing, 'exit')).toEqual([0, null]);
    });
    expect(a.git('log', '-2', '--format=%s')).toBe('Auto-sync: 1 issue (t-a)\nMine');
    expect(a.git('show', '--format=', '--name-only', 'HEAD~1')).toBe('staged.txt');
    expect(a.status()).toBe(' M dirty.txt\n?? untracked.txt');
  });

  it('but not for ever for an abandoned commit', async () => {
    const a = clone();
    await a.change('t-a');
    const message = join(a.directory, '.git/COMMIT_EDITMSG');
    const leave = (agoMs: number): void => {
      const at = (Date.now() - agoMs) / 1000;
      writeFileSync(message, 'Given up');
      utimesSync(message, at, at);
    };
    for (const name of ['logs/HEAD', 'HEAD', 'refs/heads/main']) {
      utimesSync(join(a.directory, '.git', name), 1, 1);
    }
    leave(COMMIT_EDITOR_MS - 60_000);
    await expectBlocked(a, /open in an editor/, () => leave(COMMIT_EDITOR_MS + 60_000));
  });
});

const IDENTITY = {
  GIT_AUTHOR_NAME: 'Ann',
  GIT_AUTHOR_EMAIL: 'ann@example.com',
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@example.com',
};

describe('when bd was killed', () => {
  it('between index and branch, the issues are staged, and its next cycle commits them', async () => {
    const a = clone();
    await a.change('t-a');
    await a.cycle();
    await a.change('t-b');
    const lock = join(a.directory, '.git/refs/heads/main.lock');
    writeFileSync(lock, '');
    expect(await a.cycle()).toMatchObject({ end: { kind: 'failed', retry: 'soon' } });
    // As after a crash: the branch did not follow.
    expect(a.status()).toBe(`M  ${MIRROR}`);
    await a.change('t-c');
    rmSync(lock);
    expect(await a.cycle()).toMatchObject({ end: 'no_remote' });
    expect(a.git('log', '-1', '--format=%s')).toBe('Auto-sync: 2 issues (t-b, t-c)');
    expect(a.status()).toBe('');
  });

  it('with the index locked, it removes its own lock and no other', async () => {
    const a = clone();
    const lock = join(a.directory, '.git/index.lock');
    writeFileSync(lock, OWNER);
    await a.cycle();
    expect(existsSync(lock)).toBe(true);
    await a.change('t-a');
    expect(await a.cycle()).toMatchObject({ end: 'no_remote', pushed: 1 });
    expect(existsSync(lock)).toBe(false);
    await a.change('t-b');
    writeFileSync(lock, `${OWNER}of another workspace`);
    expect(await a.cycle()).toMatchObject({ end: { kind: 'blocked' } });
    expect(existsSync(lock)).toBe(true);
  });
});

describe('in repositories of other kinds', () => {
  it('a split index stays readable for git', async () => {
    const a = clone();
    a.git('update-index', '--split-index');
    litter(a);
    const before = fingerprint(a);
    for (const id of ['t-a', 't-b', 't-c']) {
      await a.change(id);
      await a.cycle();
    }
    expect(fingerprint(a)).toEqual(before);
    expect(a.status()).toBe(' M dirty.txt\nA  staged.txt\n?? untracked.txt');
    expect(ownCommits(a)).toHaveLength(3);
  });

  it('a change within the tick of the index is not hidden from git', async () => {
    const a = clone();
    const path = join(a.directory, 'code.txt');
    a.git('config', 'core.checkStat', 'minimal');
    a.git('config', 'core.trustctime', 'false');
    // Same size and same times as what is staged: git tells by the index's own time alone.
    const then = Math.floor(Date.now() / 1000) - 100;
    a.write('code.txt', 'two\n');
    utimesSync(path, then, then);
    a.git('add', 'code.txt');
    a.write('code.txt', 'too\n');
    utimesSync(path, then, then);
    utimesSync(join(a.directory, '.git/index'), then, then);
    await a.change('t-a');
    await a.cycle();
    expect(a.status()).toBe('MM code.txt');
  });
});

describe('the person and bd by turns', () => {
  it('make twenty commits each, and none has content of the other', async () => {
    const a = clone();
    for (let round = 0; round < 20; round++) {
      a.write('code.txt', `round ${round}\n`);
      if (round % 3 === 0) a.git('add', 'code.txt');
      await a.change(`t-${round % 7}`, `Round ${round}`);
      if (round % 4 === 1) a.git('checkout', '--quiet', '-B', `side-${round}`);
      await a.cycle();
      expect(a.status()).toBe(round % 3 === 0 ? 'M  code.txt' : ' M code.txt');
      a.git('commit', '--quiet', '-am', `Round ${round}`);
      expect(a.status()).toBe('');
    }
    const own = ownCommits(a);
    expect(own).toHaveLength(20);
    expect(new Set(own.flatMap(({ files }) => files))).toEqual(new Set([MIRROR]));
    const theirs = a.git(
      'log',
      '--author=ann@example.com',
      '--format=',
      '--name-only',
      '--',
      MIRROR,
    );
    expect(theirs).toBe('');
    expect(() => a.git('fsck', '--strict')).not.toThrow();
  });
});
