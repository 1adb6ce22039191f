import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findGitRepository, type GitRepository } from '../git/repository.ts';

/**
 * Where a workspace is, and every file in it that bd names itself. Made once, where a command or a daemon
 * begins, and handed down: nothing below joins a file name to a directory again. The names of the store and
 * the mirror come from `metadata.json`, so an open workspace knows those.
 */
export class WorkspacePlace {
  /** The real path of `.beads`: all ways to one workspace meet here. */
  readonly beadsDir: string;
  readonly projectDir: string;
  #repository: { found: GitRepository | undefined } | undefined;

  /** `beadsDir` is a real path; use `openPlace` for any other. */
  constructor(beadsDir: string) {
    this.beadsDir = beadsDir;
    this.projectDir = dirname(beadsDir);
  }

  /** Looked for when it is first asked for; undefined without git. */
  get repository(): GitRepository | undefined {
    this.#repository ??= { found: findGitRepository(this.projectDir) };
    return this.#repository.found;
  }

  get configFile(): string {
    return join(this.beadsDir, 'config.yaml');
  }

  get metadataFile(): string {
    return join(this.beadsDir, 'metadata.json');
  }

  /** The link to the daemon's socket. */
  get socketLink(): string {
    return join(this.beadsDir, 'bd.sock');
  }

  /** Held by whoever may write the workspace; see platform/kernel-lock.ts. */
  get lockFile(): string {
    return join(this.beadsDir, 'daemon.lock');
  }

  /** For people and classic clients: no decision is made from it. */
  get pidFile(): string {
    return join(this.beadsDir, 'daemon.pid');
  }

  get logFile(): string {
    return join(this.beadsDir, 'daemon.log');
  }

  /** What the last daemon that crashed left for people. */
  get crashFile(): string {
    return join(this.beadsDir, 'daemon.crash');
  }

  /** Present while the daemon is turned off here. */
  get daemonOffFile(): string {
    return join(this.beadsDir, 'daemon.off');
  }

  /** Why a daemon did not start. */
  get startFailureFile(): string {
    return join(this.beadsDir, 'daemon.failed');
  }

  /** Lines that could not be read, word for word. */
  get quarantineDirectory(): string {
    return join(this.beadsDir, 'quarantine');
  }

  /** A file in `.beads` whose name the workspace's metadata gives. */
  file(name: string): string {
    return join(this.beadsDir, name);
  }
}

export function openPlace(beadsDir: string): WorkspacePlace {
  return new WorkspacePlace(realpathSync.native(beadsDir));
}
