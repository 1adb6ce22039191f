import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BdError } from '../core/errors.ts';
import { findGitRepository, type GitRepository } from '../git/repository.ts';
import { readTextIfReachable } from '../platform/safe-stat.ts';

/**
 * Every name that bd itself uses in `.beads`, by purpose. `daemon`: local files of daemons and their clients,
 * which `bd uninstall` removes. `store`: local, can be rebuilt. `aside`: local, what the user may want back.
 * `project`: for git.
 */
export const FILE_NAMES = {
  daemon: [
    'bd.sock',
    'daemon.pid',
    'daemon.log',
    'daemon.log.1',
    'daemon.lock',
    'daemon.lock.start',
    'daemon.off',
    'daemon.failed',
    'daemon.crash',
  ],
  store: ['beads.db', 'beads.db-journal', 'beads.db-wal', 'beads.db-shm'],
  aside: ['quarantine', 'before-init'],
  project: [
    'metadata.json',
    'config.yaml',
    'beads.jsonl',
    'issues.jsonl',
    '.gitignore',
    'README.md',
  ],
} as const;

/** All but the socket's link, which is a link on purpose. */
export const WRITTEN_NAMES: readonly string[] = Object.values(FILE_NAMES)
  .flat()
  .filter((name) => name !== 'bd.sock');

/** Whether a name in `.beads` is a daemon's, or of a staged file that was never committed. */
export function isDaemonFile(name: string): boolean {
  return FILE_NAMES.daemon.some((each) => name.startsWith(each)) || /^\..+\.tmp$/.test(name);
}

/**
 * Where a workspace is, and every file in it that bd names itself. Created once, where a command or a daemon
 * begins, and passed down: nothing below joins a file name to a directory. The names of the store and the
 * mirror come from `metadata.json`, so an open workspace knows those.
 */
export class WorkspacePlace {
  /** The real path of `.beads`, the same by whatever path the workspace was found. */
  readonly beadsDir: string;
  readonly projectDir: string;
  /** The `.beads` whose `redirect` file led here. */
  readonly redirectedFrom: string | undefined;
  readonly configFile: string;
  readonly metadataFile: string;
  /** The link to the daemon's socket. */
  readonly socketLink: string;
  /** Held by the process that may write the workspace; see platform/kernel-lock.ts. */
  readonly lockFile: string;
  /** Held briefly by the client that starts a daemon. */
  readonly startLockFile: string;
  /** For people and classic clients: no decision depends on it. */
  readonly pidFile: string;
  readonly logFile: string;
  /** The report of the last crash. */
  readonly crashFile: string;
  /** Present while the daemon is turned off here. */
  readonly daemonOffFile: string;
  /** Why a daemon did not start. */
  readonly startFailureFile: string;
  /** Unreadable lines, unchanged. */
  readonly quarantineDirectory: string;
  /** What `bd init` found here, so that `bd uninstall` can put it back. */
  readonly footprintDirectory: string;
  #repository: { found: GitRepository | undefined } | undefined;

  /** `beadsDir` is a real path; use `openPlace` for any other. */
  constructor(beadsDir: string, { redirectedFrom }: { redirectedFrom?: string } = {}) {
    this.beadsDir = beadsDir;
    this.projectDir = dirname(beadsDir);
    this.redirectedFrom = redirectedFrom;
    this.configFile = this.file('config.yaml');
    this.metadataFile = this.file('metadata.json');
    this.socketLink = this.file('bd.sock');
    this.lockFile = this.file('daemon.lock');
    this.startLockFile = this.file('daemon.lock.start');
    this.pidFile = this.file('daemon.pid');
    this.logFile = this.file('daemon.log');
    this.crashFile = this.file('daemon.crash');
    this.daemonOffFile = this.file('daemon.off');
    this.startFailureFile = this.file('daemon.failed');
    this.quarantineDirectory = this.file('quarantine');
    this.footprintDirectory = this.file('before-init');
  }

  /** Found on first use; undefined without git. */
  get repository(): GitRepository | undefined {
    this.#repository ??= { found: findGitRepository(this.projectDir) };
    return this.#repository.found;
  }

  /** A file in `.beads` whose name the workspace's metadata gives. */
  file(name: string): string {
    return join(this.beadsDir, name);
  }

  /**
   * Call before opening anything in `.beads` for writing. Git stores symbolic links, so a cloned repository
   * may contain one, and bd would write to its target. Throws `FILE_UNUSABLE`. `.beads` itself may be a link:
   * only the user can have made that one.
   */
  refuseLinks(names: readonly string[] = WRITTEN_NAMES): void {
    for (const path of names.map((name) => this.file(name))) {
      if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue;
      throw new BdError('FILE_UNUSABLE', {
        message: `${path} is a symbolic link to ${readlinkSync(path)}, and bd does not write through it`,
        remedy:
          'Remove the link, and find out where it came from: a repository may contain such a link.',
        details: { path },
      });
    }
  }

  /** For messages only: the file may be a killed daemon's. */
  readPid(): number | undefined {
    const pid = Number.parseInt(readTextIfReachable(this.pidFile) ?? '', 10);
    return pid > 0 ? pid : undefined;
  }

  /** The process that probably holds the workspace, for a message. */
  nameHolder(): string {
    const pid = this.readPid();
    return pid === undefined ? 'another process' : `process ${pid}`;
  }
}

export function openPlace(beadsDir: string): WorkspacePlace {
  return new WorkspacePlace(realpathSync.native(beadsDir));
}
