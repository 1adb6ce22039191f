import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { openInProcess } from '../support/in-process-clone.ts';
import { REAL_GIT } from '../support/real-git.ts';
import {
  createWorldTemplate,
  endure,
  type Situation,
  type World,
  type WorldTemplate,
} from './situation.ts';

let template: WorldTemplate;
beforeAll(async () => {
  template = await createWorldTemplate();
});
afterAll(() => template[Symbol.dispose]());

const BRANCH = 'refs/heads/beads-sync';

const write = (path: string, text: string): void => writeFileSync(path, text);

/** Two commits on two branches that change one line; `topic` is checked out. */
function diverge({ git, mia }: World): void {
  git('checkout', '--quiet', '-b', 'topic');
  write(join(mia, 'README'), 'topic\n');
  git('commit', '--quiet', '-am', 'topic');
  git('checkout', '--quiet', 'main');
  write(join(mia, 'README'), 'main\n');
  git('commit', '--quiet', '-am', 'main');
  git('checkout', '--quiet', 'topic');
}

/** Leaves the repository in the middle of `operation`, at a conflict. */
const stoppedAt =
  (...operation: string[]) =>
  (world: World): void => {
    diverge(world);
    expect(() => world.git(...operation)).toThrow();
    expect(world.git('ls-files', '--unmerged')).not.toBe('');
  };

/** Settles the conflict and goes on; the working tree is then clean. */
const goesOn =
  (...operation: string[]) =>
  ({ git, mia }: World): void => {
    write(join(mia, 'README'), 'both\n');
    git('add', 'README');
    git('-c', 'core.editor=true', ...operation, '--continue');
    expect(git('status', '--porcelain=v2', '--branch')).not.toMatch(/^[12u?] /m);
    expect(git('show', 'HEAD:README')).toBe('both');
  };

const HOOKS = [
  'applypatch-msg',
  'pre-commit',
  'commit-msg',
  'post-commit',
  'pre-push',
  'pre-auto-gc',
  'post-rewrite',
  'reference-transaction',
  'post-index-change',
  'fsmonitor-watchman',
];

/** A hook of every kind that does this, after it has left a trace. */
const hooked =
  (script: string) =>
  ({ mia, root }: World): void => {
    const trace = join(root, 'traces');
    mkdirSync(trace);
    mkdirSync(join(mia, '.git/hooks'), { recursive: true });
    for (const name of HOOKS) {
      const path = join(mia, '.git/hooks', name);
      write(path, `#!/bin/sh\ntouch '${trace}/${name}'\n${script}\n`);
      chmodSync(path, 0o755);
    }
  };

const noHookRan = ({ root }: World): void => {
  expect(readdirSync(join(root, 'traces'))).toEqual([]);
};

const configured =
  (...settings: [key: string, value: string][]) =>
  ({ git }: World): void => {
    for (const [key, value] of settings) git('config', '--add', key, value);
  };

const SITUATIONS: Record<string, Situation> = {
  'index.lock is held': {
    arrange: ({ mia }) => write(join(mia, '.git/index.lock'), ''),
    proceed({ mia, git }) {
      rmSync(join(mia, '.git/index.lock'));
      git('commit', '--quiet', '--allow-empty', '-m', 'goes on');
    },
  },
  'a merge is in progress': {
    arrange: stoppedAt('merge', 'main'),
    proceed: goesOn('merge'),
  },
  'a rebase is in progress': {
    arrange: stoppedAt('rebase', 'main'),
    proceed: goesOn('rebase'),
  },
  'a rebase by patches is in progress': {
    arrange: stoppedAt('rebase', '--apply', 'main'),
    proceed: goesOn('rebase'),
  },
  'a cherry-pick is in progress': {
    arrange: stoppedAt('cherry-pick', 'main'),
    proceed: goesOn('cherry-pick'),
  },
  'a revert is in progress': {
    arrange(world) {
      diverge(world);
      write(join(world.mia, 'README'), 'later\n');
      world.git('commit', '--quiet', '-am', 'later');
      expect(() => world.git('revert', 'HEAD~1')).toThrow();
    },
    proceed: goesOn('revert'),
  },
  'a bisect is in progress': {
    arrange({ git }) {
      for (const at of [1, 2, 3, 4]) git('commit', '--quiet', '--allow-empty', '-m', `${at}`);
      git('bisect', 'start', 'HEAD', 'HEAD~4');
    },
    proceed({ git }) {
      git('bisect', 'good');
      git('bisect', 'reset');
      expect(git('symbolic-ref', '--short', 'HEAD')).toBe('main');
    },
  },
  'HEAD is detached': {
    arrange: ({ git }) => void git('checkout', '--quiet', '--detach'),
    proceed: ({ git }) => void git('checkout', '--quiet', 'main'),
  },
  'the branch is unborn': {
    arrange: ({ git }) => void git('checkout', '--quiet', '--orphan', 'new'),
    proceed({ git }) {
      git('commit', '--quiet', '-m', 'born');
      expect(git('rev-list', '--count', 'HEAD')).toBe('1');
    },
  },
  'branches are switched': {
    arrange: ({ git }) => void git('checkout', '--quiet', '-b', 'other'),
    proceed({ git }) {
      git('checkout', '--quiet', 'main');
      git('branch', '--quiet', '-d', 'other');
    },
  },
  'work is staged, changed, untracked and stashed': {
    arrange({ git, mia }) {
      write(join(mia, 'README'), 'stashed\n');
      git('stash', '--quiet');
      write(join(mia, 'src/main.c'), 'staged\n');
      git('add', 'src/main.c');
      appendFileSync(join(mia, 'src/main.c'), 'changed\n');
      write(join(mia, 'untracked'), '');
    },
    proceed({ git }) {
      expect(git('status', '--porcelain')).toBe('MM src/main.c\n?? untracked');
      git('commit', '--quiet', '-m', 'what was staged');
      git('stash', 'pop', '--quiet');
      expect(git('show', '--format=', '--name-only', 'HEAD')).toBe('src/main.c');
    },
  },
  'hooks fail': { arrange: hooked('exit 1'), proceed: noHookRan },
  'hooks hang': { arrange: hooked('sleep 600'), proceed: noHookRan },
  'hooks stand elsewhere': {
    arrange(world) {
      hooked('exit 1')(world);
      world.git('config', 'core.hooksPath', join(world.mia, '.git/hooks'));
    },
    proceed: noHookRan,
  },
  'signing is configured, and its program hangs': {
    arrange(world) {
      const gpg = join(world.root, 'gpg');
      write(gpg, '#!/bin/sh\nsleep 600\n');
      chmodSync(gpg, 0o755);
      const always: [string, string][] = [
        ['gpg.program', gpg],
        ['commit.gpgSign', 'true'],
        ['tag.gpgSign', 'true'],
        ['push.gpgSign', 'true'],
        ['user.signingKey', 'nobody'],
      ];
      configured(...always)(world);
    },
  },
  'LFS is asked for, and not installed': {
    arrange(world) {
      const { mia, git } = world;
      configured(
        ['filter.lfs.clean', 'git-lfs-not-here clean -- %f'],
        ['filter.lfs.smudge', 'git-lfs-not-here smudge -- %f'],
        ['filter.lfs.process', 'git-lfs-not-here filter-process'],
        ['filter.lfs.required', 'true'],
      )(world);
      write(join(mia, '.gitattributes'), '*.jsonl filter=lfs diff=lfs merge=lfs -text\n');
      git('add', '.gitattributes');
      git('commit', '--quiet', '-m', 'attributes');
    },
  },
  'lines end in CRLF': {
    arrange(world) {
      configured(['core.autocrlf', 'true'], ['core.eol', 'crlf'])(world);
      write(join(world.mia, '.gitattributes'), '* text=auto eol=crlf\n');
      world.git('add', '.');
      world.git('commit', '--quiet', '-m', 'attributes');
    },
    proceed({ sandbox, remote }) {
      expect(sandbox.git(remote, 'show', 'beads-sync:.beads/issues.jsonl')).not.toContain('\r');
    },
  },
  'everything that can be set is set': {
    arrange: configured(
      ['fetch.prune', 'true'],
      ['fetch.pruneTags', 'true'],
      ['fetch.recurseSubmodules', 'true'],
      ['fetch.fsckObjects', 'true'],
      ['transfer.fsckObjects', 'true'],
      ['core.logAllRefUpdates', 'always'],
      ['core.quotePath', 'false'],
      ['core.abbrev', '4'],
      ['core.fsmonitor', 'true'],
      ['core.untrackedCache', 'true'],
      ['color.ui', 'always'],
      ['log.showSignature', 'true'],
      ['i18n.logOutputEncoding', 'ISO-8859-1'],
      ['i18n.commitEncoding', 'ISO-8859-1'],
      ['gc.auto', '1'],
      ['gc.pruneExpire', 'now'],
      ['maintenance.strategy', 'incremental'],
      ['pager.config', 'sleep 600'],
      ['pager.for-each-ref', 'sleep 600'],
      ['alias.fetch', '!false'],
      ['alias.update-ref', '!false'],
    ),
  },
  'the remote cannot be pushed to': {
    state: 'rejected',
    arrange({ remote }) {
      const hook = join(remote, 'hooks/pre-receive');
      write(hook, '#!/bin/sh\necho "no right to push" >&2\nexit 1\n');
      chmodSync(hook, 0o755);
    },
    proceed: ({ remote }) => rmSync(join(remote, 'hooks/pre-receive')),
  },
  'the remote is away': {
    state: 'offline',
    arrange: ({ git, root }) => void git('remote', 'set-url', 'origin', join(root, 'gone.git')),
    proceed: ({ git, remote }) => void git('remote', 'set-url', 'origin', remote),
  },
  'there is no remote': {
    state: 'no_remote',
    arrange: ({ git }) => void git('remote', 'remove', 'origin'),
    proceed: ({ git, remote }) => void git('remote', 'add', 'origin', remote),
  },
  'the remote goes by another name, and by an abbreviation': {
    arrange({ git, root }) {
      git('remote', 'rename', 'origin', 'upstream');
      git('config', `url.${root}/.insteadOf`, 'short:');
      git('remote', 'set-url', 'upstream', 'short:remote.git');
    },
  },
  'there are several remotes': {
    arrange({ git, sandbox, root }) {
      sandbox.git(root, 'init', '--quiet', '--bare', 'fork.git');
      git('remote', 'add', 'fork', join(root, 'fork.git'));
      git('config', 'remote.pushDefault', 'fork');
    },
    proceed({ sandbox, root }) {
      expect(sandbox.git(join(root, 'fork.git'), 'for-each-ref')).toBe('');
    },
  },
  'the remote’s branch was forced back': {
    async arrange(world) {
      await using clone = await openInProcess(world.sandbox, world.mia);
      await clone.call('create_issue', { issue: { title: 'Will be taken back' } });
      await clone.sync();
      world.sandbox.git(world.remote, 'update-ref', BRANCH, `${BRANCH}~1`);
    },
    proceed({ sandbox, remote }) {
      expect(sandbox.git(remote, 'show', `${BRANCH}:.beads/issues.jsonl`)).toContain(
        'Will be taken back',
      );
    },
  },
  'the remote’s branch begins anew': {
    arrange({ sandbox, remote }) {
      const tree = sandbox.git(remote, 'rev-parse', `${BRANCH}^{tree}`);
      const commit = sandbox.git(remote, 'commit-tree', '-m', 'anew', tree);
      sandbox.git(remote, 'update-ref', BRANCH, commit);
    },
  },
  'the remote’s branch was deleted': {
    state: 'blocked',
    arrange({ sandbox, remote, git }) {
      // Kept here only, so that it can be put back.
      git('update-ref', 'refs/kept', 'refs/bd/remote');
      sandbox.git(remote, 'update-ref', '-d', BRANCH);
    },
    proceed: ({ git }) => void git('push', '--quiet', 'origin', `refs/kept:${BRANCH}`),
  },
  'the person collects garbage': {
    arrange: ({ git }) => void git('gc', '--quiet', '--prune=now'),
    proceed({ git }) {
      git('reflog', 'expire', '--expire=now', '--all');
      git('gc', '--quiet', '--aggressive', '--prune=now');
    },
  },
};

test.each(Object.entries(SITUATIONS))('%s', async (name, situation) => {
  await endure(template.open(name.replaceAll(/\W+/g, '-')), situation);
});

test('a commit’s editor is open', async () => {
  const world = template.open('editor');
  const [opened, closed] = [join(world.root, 'opened'), join(world.root, 'closed')];
  const editor = join(world.root, 'editor.sh');
  write(editor, `#!/bin/sh\ntouch '${opened}'\nuntil test -e '${closed}'; do sleep 0.05; done\n`);
  chmodSync(editor, 0o755);
  let commit: ReturnType<typeof spawn> | undefined;
  await endure(world, {
    async arrange({ mia, sandbox }) {
      appendFileSync(join(mia, 'README'), 'more\n');
      const personal = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com'];
      const env = { ...sandbox.env, GIT_EDITOR: `${editor} #` };
      const args = [...personal, 'commit', '--quiet', '-a', '-m', 'with an editor', '--edit'];
      commit = spawn(REAL_GIT, args, { cwd: mia, env, stdio: 'ignore' });
      await eventually(() => readdirSync(world.root).includes('opened'));
    },
    async proceed({ git }) {
      const ended = once(commit!, 'exit');
      write(closed, '');
      expect(await ended).toEqual([0, null]);
      expect(git('log', '-1', '--format=%s')).toBe('with an editor');
      expect(git('show', '--format=', '--name-only', 'HEAD')).toBe('README');
    },
  });
});

test('the remote asks for a login', async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await endure(template.open('auth'), {
      state: 'auth',
      arrange: ({ git }) =>
        void git('remote', 'set-url', 'origin', `http://127.0.0.1:${port}/remote.git`),
      proceed: ({ git, remote }) => void git('remote', 'set-url', 'origin', remote),
    });
  } finally {
    server.close();
  }
  expect(asked.length).toBeGreaterThan(0);
});
