import { dirname } from 'node:path';
import { BdError, messageOf } from '../../core/errors.ts';
import { MIRROR_ATTEMPTS_MAX, MIRROR_SETTLE_MS, VERSIONS_KEPT } from '../../core/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import { isNetworkFileSystem } from '../../platform/file-system.ts';
import { readIfThere, removeStaged, stageFile } from '../../platform/files.ts';
import { stampFile } from '../../platform/file-version.ts';
import type { Store } from '../../store/store.ts';
import { withCarried, quarantineNews } from '../intake/unreadable-lines.ts';
import { hashContent, renderIssueFile, type IssueFile } from './issue-file.ts';
import { endsInsideLine, hasConflictMarkers, readIssueLines } from '../intake/issue-lines.ts';
import { addEffects, noNews, type JoinNews } from '../intake/join-news.ts';
import { importBase, mirrorBase } from '../intake/line-base.ts';
import { createMirrorMemory, type MirrorMemory } from './mirror-memory.ts';
import { reconcile } from '../intake/reconcile.ts';

export interface MirrorReport extends JoinNews {
  /** Issues that outside edits of the file changed in the store. */
  imported: number;
  /** Whether the file was replaced. */
  written: boolean;
  /** The git operation that the file waits for; undefined when it waits for none. */
  postponed: string | undefined;
}

/** What a file waits for that is locked by git for a moment, as while it commits. */
export const GIT_COMMAND = 'git command';

export interface ShownMirror {
  content: Buffer;
  /** The last event that the content shows. */
  seq: number;
}

/**
 * `settled`: the file is as bd left or accepted it. `taken_in`: an edit of it is in the store, and the file
 * still has to be replaced: a second edit of it now would look concurrent to the first.
 */
export type MirrorLook = 'settled' | 'taken_in' | 'edited';

/** The JSONL file beside the store, for people, other tools and rebuilding the store. */
export interface Mirror {
  readonly path: string;
  /** Whether the store holds changes that the file does not show; reads no file. */
  isBehind(): boolean;
  /** The last event that the file shows, or does not have to show. */
  shownSeq(): number;
  /** The file's content; undefined when another program wrote it since. */
  shown(): Promise<ShownMirror | undefined>;
  /** Whether the file may have changed since it was settled; reads only its status. */
  mayBeEdited(): boolean;
  /** The same by the file's content; `mayBeEdited` remembers that it is settled. */
  look(): Promise<MirrorLook>;
  /** Takes in edits by others, then makes the file show the store. One call at a time. */
  flush(options?: FlushOptions): Promise<MirrorReport>;
  /** Where the file is. */
  directories(): string[];
  /** Whether it is in other directories than at the last flush. */
  hasMoved(): boolean;
}

export interface FlushOptions {
  /** A command asks for a file that shows everything, even where git put another version there. */
  isAsked?: boolean;
}

/** The state of a mirror that people commit themselves, so that git may replace the file. */
export interface Tracking {
  /** The git operation under way; until it ends, the file is written only to resolve a conflict in it. */
  operation: string | undefined;
  /** A git command is at work there. */
  isLocked: boolean;
  /** The file as git's index has it; undefined when it is not there. */
  readIndex?(): Promise<Buffer | undefined>;
}

export interface MirrorFileOptions {
  path: string;
  quarantineDirectory: string;
  store: Store;
  clock: Clock;
  pause: (ms: number) => Promise<unknown>;
  memory?: MirrorMemory;
  /** Undefined for a file that only bd writes; asked at each use. */
  tracking?: () => Tracking | undefined;
}

/**
 * One file. It is recognised by the hash of its content, never by its time. The hash is noted before the file is
 * replaced: after a crash in between, the old file counts as an outside edit with old lines, which changes
 * nothing.
 */
export class MirrorFile implements Mirror {
  readonly path: string;
  readonly #options: MirrorFileOptions;
  readonly #memory: MirrorMemory;
  #isSwept = false;
  /** The file's stamp when it was settled; undefined when no stamp can tell that. */
  #stamp: string | undefined;
  /** Content of others that is in the store, and could not be replaced yet. */
  #taken: { hash: string | undefined; isEdited: boolean } | undefined;

  constructor(options: MirrorFileOptions) {
    this.path = options.path;
    this.#options = options;
    this.#memory = options.memory ?? createMirrorMemory(options.store.state);
  }

  isBehind(): boolean {
    return this.#memory.seq() !== this.#options.store.events.lastSeq();
  }

  shownSeq(): number {
    return this.#memory.seq();
  }

  directories(): string[] {
    return [dirname(this.path)];
  }

  hasMoved(): boolean {
    return false;
  }

  mayBeEdited(): boolean {
    const found = stampFile(this.path);
    return found !== undefined && found.text !== this.#stamp;
  }

  async look(): Promise<MirrorLook> {
    const { content, hash } = await this.#see(() => readIfThere(this.path));
    if (content === undefined || hash === this.#memory.hash()) return 'settled';
    return hash === this.#taken?.hash ? 'taken_in' : 'edited';
  }

  async shown(): Promise<ShownMirror | undefined> {
    const memory = this.#memory;
    const seq = memory.seq();
    const content = memory.showsStore() ? await readIfThere(this.path) : undefined;
    if (content === undefined || (await hashContent(content)) !== memory.hash()) return undefined;
    return { content, seq };
  }

  async flush(options: FlushOptions = {}): Promise<MirrorReport> {
    const report = emptyMirrorReport();
    try {
      if (!this.#isSwept) await removeStaged(this.path);
      this.#isSwept = true;
      for (let attempts = 0; attempts < MIRROR_ATTEMPTS_MAX; attempts++) {
        if (await this.#attempt(report, options)) return report;
      }
    } catch (error) {
      throw unusable(this.path, error);
    }
    throw new BdError('FILE_UNUSABLE', {
      message: `${this.path} was rewritten by another program each time bd was about to write it`,
      remedy: 'Stop the program that keeps writing that file; nothing is lost meanwhile.',
    });
  }

  /** False when another program wrote the file meanwhile. */
  async #attempt(report: MirrorReport, { isAsked = false }: FlushOptions): Promise<boolean> {
    const { store, pause, tracking = () => undefined } = this.#options;
    const memory = this.#memory;
    const expectsLines = store.issues.count() > 0;
    // The content matters where git may have put markers into it.
    const { content, hash } =
      this.#isAsLeft() && !this.#isTracked()
        ? { content: undefined, hash: memory.hash() }
        : await this.#see(() => readSettled(this.path, { pause, expectsLines }));
    if (hash === undefined && !expectsLines) return !(await this.#takeInFromGit(report));
    const isForeign = hash !== memory.hash();
    if (!isForeign) this.#taken = undefined;
    if (!isForeign && !this.isBehind() && (memory.showsStore() || !isAsked)) return true;
    const isEdited = isForeign && (await this.#takeInOnce({ content, hash }, report));
    const tracked = tracking();
    // Git stopped for this file: to go on, the user needs it without markers.
    const isUnresolved =
      tracked !== undefined && content !== undefined && hasConflictMarkers(content);
    const isAwaited = isEdited || isUnresolved || isAsked || this.#hasChangesHere();
    if (tracked !== undefined && isForeign && !isAwaited) {
      store.transaction(() => memory.left(hash, store.events.lastSeq()));
      return true;
    }
    report.postponed = tracked && postponedBy(tracked, content);
    if (report.postponed !== undefined) {
      if (isForeign) store.transaction(() => memory.postponed(hash));
      return true;
    }
    const outcome = await this.#replace(hash);
    report.written ||= outcome === 'written';
    return outcome !== 'overtaken';
  }

  /** After the loss of both file and store, git still has what was committed or staged. */
  async #takeInFromGit(report: MirrorReport): Promise<boolean> {
    if (this.#memory.hash() !== undefined) return false;
    const content = await this.#options.tracking?.()?.readIndex?.();
    if (content === undefined) return false;
    await this.#takeInOnce({ content, hash: await hashContent(content) }, report);
    return report.imported > 0;
  }

  /** Whether lines were edited, so that they have to be sealed before others read them. */
  async #takeInOnce({ content, hash }: SeenFile, report: MirrorReport): Promise<boolean> {
    if (content === undefined) return false;
    if (this.#taken?.hash !== hash) {
      this.#taken = { hash, isEdited: await this.#takeIn(content, report) };
    }
    return this.#taken?.isEdited === true;
  }

  async #takeIn(content: Buffer, report: MirrorReport): Promise<boolean> {
    const { store, clock, quarantineDirectory } = this.#options;
    const memory = this.#memory;
    // What the file showed may be forgotten, when it could not be written for long.
    const knowsBase = memory.showsStore() && store.versions.reachBackTo(memory.seq());
    const findBase = knowsBase ? mirrorBase(store, memory.seq()) : importBase(store);
    const { created, updated, edited, problems, ...effects } = await reconcile(
      readIssueLines(content),
      { store, clock, origin: 'mirror', findBase },
    );
    report.imported += created + updated;
    addEffects(report, effects);
    const known = memory.carried().map(({ line }) => line);
    // In a file that people commit they stay: their next commit would remove the lines for everyone.
    memory.carry(this.#isTracked() ? problems.map(({ raw }) => raw) : []);
    await quarantineNews(report, problems, { known, directory: quarantineDirectory });
    return edited > 0;
  }

  /** `overtaken`: another program wrote the file since it had this hash, and its lines come first. */
  async #replace(seenHash: string | undefined): Promise<'equal' | 'written' | 'overtaken'> {
    const seq = this.#options.store.events.lastSeq();
    const { content, hash } = await this.#render();
    if (hash === seenHash) {
      this.#note(hash, seq);
      return 'equal';
    }
    const staged = await stageFile(this.path, content);
    const isSeen =
      this.#isAsLeft() || (await this.#see(() => readIfThere(this.path))).hash === seenHash;
    if (!isSeen) {
      await staged.discard();
      return 'overtaken';
    }
    // Until the commit, the stamp is of other content than the memory's hash.
    this.#stamp = undefined;
    this.#memory.writing(hash);
    this.#stamp = await staged.commit();
    this.#note(hash, seq);
    return 'written';
  }

  async #render(): Promise<IssueFile> {
    const file = await renderIssueFile(this.#options.store);
    if (!this.#isTracked()) this.#memory.carry([]);
    const carried = this.#memory.carried();
    if (carried.length === 0) return file;
    const content = withCarried(file.content, carried);
    return { content, hash: await hashContent(content) };
  }

  #note(hash: string, seq: number): void {
    const { store } = this.#options;
    this.#taken = undefined;
    store.transaction(() => {
      this.#memory.wrote(hash, seq);
      store.versions.forget(seq - VERSIONS_KEPT);
    });
  }

  /**
   * A checkout, reset or stash puts there an older version, or one from another branch. If bd replaced that at
   * once, git would refuse the next checkout because of a change that the user did not make. So the file is
   * written only after an issue changed in another way than by the file.
   */
  #hasChangesHere(): boolean {
    return this.#options.store.events.hasChangesAfter(this.#memory.since());
  }

  /**
   * Whether its stamp shows that the file has the content of the memory's hash. On a network file system that
   * is not enough to replace the file: the status there may be older than another machine's edit.
   */
  #isAsLeft(): boolean {
    if (this.#stamp === undefined || stampFile(this.path)?.text !== this.#stamp) return false;
    return !isNetworkFileSystem(dirname(this.path));
  }

  /** Keeps the stamp of a file with the memory's hash. */
  async #see(read: () => Promise<Buffer | undefined>): Promise<SeenFile> {
    const found = stampFile(this.path);
    const content = await read();
    if (content === undefined) return { content, hash: undefined };
    const hash = await hashContent(content);
    if (hash === this.#memory.hash() && found?.isSettled === true) this.#stamp = found.text;
    return { content, hash };
  }

  #isTracked(): boolean {
    return this.#options.tracking?.() !== undefined;
  }
}

/** The file as it was read; no hash where there was none. */
interface SeenFile {
  /** Undefined too where the stamp was enough. */
  content: Buffer | undefined;
  hash: string | undefined;
}

export function emptyMirrorReport(): MirrorReport {
  return { imported: 0, written: false, postponed: undefined, ...noNews() };
}

/** What a write has to wait for. Nothing, with conflict markers: the store has joined both sides by then. */
function postponedBy(
  { operation, isLocked }: Tracking,
  content: Buffer | undefined,
): string | undefined {
  if (isLocked) return operation ?? GIT_COMMAND;
  return content !== undefined && hasConflictMarkers(content) ? undefined : operation;
}

/** Waits, up to a limit, while another program is still writing the file, or has emptied it to write. */
async function readSettled(
  path: string,
  { pause, expectsLines }: { pause: (ms: number) => Promise<unknown>; expectsLines: boolean },
): Promise<Buffer | undefined> {
  const isEmptied = (content: Buffer): boolean => content.length === 0 && expectsLines;
  let content = await readIfThere(path);
  for (let looks = 0; looks < MIRROR_ATTEMPTS_MAX; looks++) {
    if (content === undefined || !(isEmptied(content) || endsInsideLine(content))) break;
    await pause(MIRROR_SETTLE_MS);
    const later = await readIfThere(path);
    // An empty file is not the end: the program that emptied it is about to write.
    if (!isEmptied(content) && isSame(content, later)) break;
    content = later;
  }
  return content;
}

function isSame(left: Buffer | undefined, right: Buffer | undefined): boolean {
  return left === undefined || right === undefined ? left === right : left.equals(right);
}

function unusable(path: string, error: unknown): BdError {
  if (error instanceof BdError) return error;
  return new BdError('FILE_UNUSABLE', {
    message: `cannot bring ${path} up to date: ${messageOf(error)}`,
    remedy: 'Check the permissions of that file and its directory, and the free space on the disk.',
    cause: error,
  });
}
