import { existsSync, lstatSync, realpathSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { indexLockPath, operationInProgress } from '../git/operation-in-progress.ts';
import {
  findGitRepository,
  type GitRepository,
  findMainWorktree,
  listLinkedWorktrees,
  listWorktreeGitDirs,
} from '../git/repository.ts';
import type { Environment } from '../platform/environment.ts';
import { stampFile } from '../platform/file-version.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Log } from '../platform/log.ts';
import { lstatIfReachable } from '../platform/safe-stat.ts';
import { MirrorWithCopies } from '../sync/mirror/mirror-copies.ts';
import {
  MirrorFile,
  type Mirror,
  type MirrorFileOptions,
  type Tracking,
} from '../sync/mirror/mirror-file.ts';
import { createMirrorMemory } from '../sync/mirror/mirror-memory.ts';
import type { Config } from './config/config.ts';
import { DEFAULT_MIRROR } from './config/metadata.ts';

/** Finds the mirror's place in the repository's other working trees that have a `.beads` directory there. */
function createWorktreeSearch({ beadsDir }: WorkspacePlace, mirrorName: string) {
  let administration: string | undefined;
  let places: string[] = [];
  return {
    find() {
      const repository = findGitRepository(beadsDir);
      administration = repository && join(repository.commonDir, 'worktrees');
      if (repository === undefined) return [];
      const { commonDir } = repository;
      const inside = relative(repository.topLevel, beadsDir);
      const others = [findMainWorktree(commonDir), ...listLinkedWorktrees(commonDir)]
        .filter((worktree) => worktree !== undefined)
        .filter(({ topLevel }) => topLevel !== repository.topLevel)
        .map(({ topLevel, gitDir }) => ({ gitDir, place: join(topLevel, inside) }));
      places = others.map(({ place }) => place);
      return others
        .filter(({ place }) => isPlainDirectory(place, repository))
        .map(({ place, gitDir }) => ({
          name: worktreeName(commonDir, gitDir),
          path: join(place, mirrorName),
          /** The git directory of its working tree. */
          gitDir,
        }));
    },
    /** Changes when a working tree, or a `.beads` in one, was added or removed since the last `find`. */
    trace(): string | undefined {
      if (administration === undefined) return undefined;
      const stamp = stampFile(administration);
      if (stamp?.isSettled === false) return undefined;
      return [stamp?.text, ...places.map((place) => lstatIfReachable(place)?.ino)].join(' ');
    },
  };
}

interface MirrorOptions extends Omit<MirrorFileOptions, 'path' | 'memory' | 'tracking'> {
  place: WorkspacePlace;
  mirrorName: string;
  config: Config;
  env: Environment;
  log: Log;
}

/** The mirror, with its copies in the repository's other working trees. */
export function openMirror({ place, mirrorName, ...options }: MirrorOptions): Mirror {
  const { config, store, log, env } = options;
  const { repository } = place;
  const path = place.file(mirrorName);
  const main = new MirrorFile({
    ...options,
    path,
    memory: createMirrorMemory(store.state, { name: memoryName(mirrorName) }),
    tracking: () =>
      repository &&
      trackingIn(config, repository.gitDir, {
        readIndex: () => readIndex(repository, { path, env }),
      }),
  });
  return new MirrorWithCopies(main, {
    ...createWorktreeSearch(place, mirrorName),
    open({ path, name: place, gitDir }) {
      const name = memoryName(mirrorName, place);
      const firstSeq = store.events.lastSeq();
      const memory = createMirrorMemory(store.state, { name, firstSeq });
      return new MirrorFile({
        ...options,
        path,
        memory,
        tracking: () => trackingIn(config, gitDir),
      });
    },
    log,
  });
}

/** Another working tree at the same place has another name. */
function worktreeName(commonDir: string, gitDir: string): string {
  return `${relative(commonDir, gitDir)} ${statSync(gitDir).ino}`;
}

/** Under which keys the mirror files that can be there are remembered. */
export function mirrorKeys({ beadsDir }: WorkspacePlace, mirrorName: string): Set<string> {
  const commonDir = findGitRepository(beadsDir)?.commonDir;
  const copies = commonDir === undefined ? [] : listWorktreeGitDirs(commonDir);
  const names = copies.map((gitDir) => worktreeName(commonDir ?? '', gitDir));
  return new Set(['', ...names].map((name) => `mirror:${memoryName(mirrorName, name)}`));
}

/** Each file name has its own memory, so that of a renamed mirror starts empty or as it last was. */
function memoryName(mirrorName: string, place = ''): string {
  return [mirrorName === DEFAULT_MIRROR ? '' : mirrorName, place].filter(Boolean).join(' ');
}

/** What git is doing in the mirror's working tree; undefined while bd alone writes the mirror. */
function trackingIn(
  config: Config,
  gitDir: string,
  more?: Pick<Tracking, 'readIndex'>,
): Tracking | undefined {
  if (config.text('sync.mode') === 'branch') return undefined;
  const isLocked = existsSync(indexLockPath(gitDir));
  return { operation: operationInProgress(gitDir), isLocked, ...more };
}

async function readIndex(
  repository: GitRepository,
  { path, env }: { path: string; env: Environment },
): Promise<Buffer | undefined> {
  const name = relative(repository.topLevel, path).split(sep).join('/');
  const { openWorktreeGit } = await import('../git/git.ts');
  const git = openWorktreeGit(repository, { env });
  const { exitCode, stdout } = await git.run(['cat-file', 'blob', `:${name}`]);
  return exitCode === 0 ? stdout : undefined;
}

/** Not through a link, which a branch may contain, and without a redirect to another workspace. */
function isPlainDirectory(path: string, { commonDir }: GitRepository): boolean {
  try {
    return (
      lstatSync(path).isDirectory() &&
      realpathSync(path) === path &&
      !existsSync(join(path, 'redirect')) &&
      findGitRepository(path)?.commonDir === commonDir
    );
  } catch {
    return false;
  }
}
