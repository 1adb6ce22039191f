import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from './random.ts';

export interface Person {
  /** One thing that people do with git; what git refuses stays undone. Returns what was tried. */
  act(): string;
  /** Ends what is half done. */
  finish(): void;
}

type Act = readonly [args: string, ...more: string[]];

/** Somebody at work in one working tree, with all that git lets one do to it. */
export function createPerson({
  directory,
  git,
  random,
}: {
  directory: string;
  git: (...args: string[]) => string;
  random: Random;
}): Person {
  const lock = join(directory, '.git', 'index.lock');
  let named = 0;
  const tryGit = (...args: string[]): string => {
    try {
      return git(...args);
    } catch {
      return '';
    }
  };
  const branches = (): string[] =>
    git('for-each-ref', '--format=%(refname:short)', 'refs/heads').split('\n');
  const edit = (): void => {
    const name = random.pick(['README', 'src/main.c', 'new.txt']);
    if (!existsSync(join(directory, 'src'))) return;
    appendFileSync(join(directory, name), `line ${random.below(1000)}\n`);
  };
  const other = (): string => random.pick(branches());
  const run = (...acts: Act[]): string => {
    for (const args of acts) tryGit(...args);
    return acts.map((args) => args.join(' ')).join('; ');
  };
  const newName = (kind: string): string => `${kind}${++named}`;

  const acts: (() => string)[] = [
    () => (edit(), 'edit'),
    () => (edit(), run(['add', '-A'])),
    () => (edit(), run(['add', '-A'], ['commit', '-qm', 'work'])),
    () => (edit(), run(['add', '-A'], ['commit', '-qm', 'work'])),
    () => (edit(), run(['commit', '-qam', 'amended', '--amend'])),
    () => run(['checkout', '-q', '-b', newName('topic')]),
    () => run(['checkout', '-q', other()]),
    () => run(['checkout', '-qf', other()]),
    () => run(['checkout', '-q', '--detach', other()]),
    () => (edit(), run(['stash', 'push', '-q'])),
    () => run(['stash', 'pop', '-q']),
    () => run(['merge', '-q', '--no-edit', other()]),
    () => run(['rebase', '-q', other()]),
    () => run(['cherry-pick', other()]),
    () => run(['revert', '--no-edit', 'HEAD']),
    () => run(['reset', '-q', random.pick(['--soft', '--mixed', '--hard']), 'HEAD~1']),
    () => run(['tag', '-a', '-m', 'tag', newName('v')]),
    () => run(['tag', newName('light')]),
    () => run(['worktree', 'add', '-q', '--detach', join('..', newName('tree'))]),
    () => run(['worktree', 'remove', '--force', join('..', `tree${named}`)]),
    () => run(['bisect', 'start'], ['bisect', 'bad']),
    () => run(['bisect', 'reset']),
    () => run(['fetch', '-q']),
    () => run(['push', '-q', 'origin', `HEAD:refs/heads/${newName('pushed')}`]),
    () => run(['config', 'user.nick', newName('nick')]),
    () => run(['gc', '-q', '--prune=now']),
    () => (writeFileSync(lock, ''), 'hold index.lock'),
  ];

  const finish = (): void => {
    rmSync(lock, { force: true });
    for (const kind of ['merge', 'rebase', 'cherry-pick', 'revert']) tryGit(kind, '--abort');
    tryGit('bisect', 'reset');
  };

  return {
    act() {
      rmSync(lock, { force: true });
      // Half of what stopped at a conflict is left for later.
      const isStuck = tryGit('ls-files', '--unmerged') !== '';
      if (isStuck && random.chance(0.5)) return (finish(), 'abort what is in progress');
      return random.pick(acts)();
    },
    finish,
  };
}
