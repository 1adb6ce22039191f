import { dirname } from 'node:path';
import { BdError, messageOf } from '../../core/errors.ts';
import { MIRROR_ATTEMPTS_MAX, VERSIONS_KEPT } from '../../core/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import { isNetworkFileSystem } from '../../platform/file-system.ts';
import { readIfThere, removeStaged, StagedFile } from '../../platform/files.ts';
import { stampFile } from '../../platform/file-version.ts';
import type { Store } from '../../store/store.ts';
import { withCarried, quarantineNews } from '../intake/unreadable-lines.ts';
import { ContentHasher, hashContent, hashFile, type ContentHash } from './content-hash.ts';
import { renderIssueFile, renderPages } from './issue-file.ts';
import { hasConflictMarkers, readIssueLines } from '../intake/issue-lines.ts';
import { addEffects, noNews, type JoinNews } from '../intake/join-news.ts';
import { importBase, mirrorBase } from '../intake/line-base.ts';
import { spliceFile, type NewLines } from './line-splice.ts';
import { readSettled } from './read-settled.ts';
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
  /** Throws when the workspace is no longer this process's to write. */
  guard?: () => void;
}

/**
 * One file. It is recognised by the hash of its content, or by a status that no later write can leave unchanged.
 * Both are noted after the file is replaced: after a crash in between, it counts as an outside edit with lines that
 * the store has, which changes nothing.
 */
export class MirrorFile implements Mirror {
  readonly path: string;
  readonly #options: MirrorFileOptions;
  readonly #memory: MirrorMemory;
  #isSwept = false;
  /** The file's stamp when it was settled; undefined when no stamp can tell that. */
  #stamp: string | undefined;
  /** The hash of content that is in its place, and not noted yet. */
  #placing: string | undefined;
  /** Content with the memory's hash, in pieces; undefined while they are not known. */
  #content: ContentHash | undefined;
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
    if (found === undefined) return false;
    if (found.text !== this.#settledStamp()) return true;
    // The store is not asked again what it remembers.
    this.#stamp = found.text;
    return false;
  }

  async look(): Promise<MirrorLook> {
    const hash = await this.#hash();
    if (hash === undefined || hash === this.#memory.hash()) return 'settled';
    if (hash === this.#placing) return 'settled';
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
    const { store, tracking = () => undefined } = this.#options;
    const memory = this.#memory;
    const { content, hash } = await this.#see();
    if (hash === undefined && store.issues.count() === 0) {
      return !(await this.#takeInFromGit(report));
    }
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
    const { store, guard } = this.#options;
    const seq = store.events.lastSeq();
    const spliced = await this.#splice(seenHash);
    await using staged = await StagedFile.create(this.path);
    const content = await writeHashed(staged, spliced ?? this.#render());
    const { hash } = content;
    if (hash === seenHash) {
      this.#note(content, seq);
      return 'equal';
    }
    await staged.sync();
    // A stamp that is the same again shows that the lines were copied from one content.
    const isSeen = this.#isAsLeft() || (spliced === undefined && (await this.#hash()) === seenHash);
    if (!isSeen) return 'overtaken';
    // While it was staged, the process may have been suspended, or the directory removed and made anew.
    guard?.();
    this.#placing = hash;
    try {
      this.#stamp = await staged.commit();
      this.#note(content, seq);
    } finally {
      this.#placing = undefined;
    }
    return 'written';
  }

  /** The file with what changed since it was written, if it is as bd left it and shows the store as of then. */
  async #splice(seenHash: string | undefined): Promise<AsyncIterable<NewLines> | undefined> {
    const { events, issues } = this.#options.store;
    const memory = this.#memory;
    if (seenHash !== memory.hash() || !memory.showsStore() || !this.#isAsLeft()) return undefined;
    const ids = events.issueIdsAfter(memory.seq());
    if (ids === undefined || memory.carried().length > 0) return undefined;
    if (this.#content?.hash !== seenHash) await this.#hash();
    const { hash, pieces = [] } = this.#content ?? {};
    return hash === seenHash
      ? spliceFile(this.path, pieces, { ids, lineOf: issues.line })
      : undefined;
  }

  async *#render(): AsyncGenerator<NewLines> {
    const { store } = this.#options;
    if (!this.#isTracked()) this.#memory.carry([]);
    const carried = this.#memory.carried();
    if (carried.length > 0) yield { lines: withCarried(await renderIssueFile(store), carried) };
    else for await (const lines of renderPages(store)) yield { lines };
  }

  #note(content: ContentHash, seq: number): void {
    const { store } = this.#options;
    this.#taken = undefined;
    this.#content = content;
    store.transaction(() => {
      this.#memory.wrote(content.hash, { seq, stamp: this.#stamp });
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
    const stamp = this.#settledStamp();
    if (stamp === undefined || stampFile(this.path)?.text !== stamp) return false;
    return !isNetworkFileSystem(dirname(this.path));
  }

  /** The stamp of a file with the memory's hash that this process or one before it knew to be settled. */
  #settledStamp(): string | undefined {
    return this.#stamp ?? this.#memory.stamp();
  }

  /** The hash of the file as it is; keeps stamp and pieces of one with the memory's hash. */
  async #hash(): Promise<string | undefined> {
    const found = stampFile(this.path);
    const content = await hashFile(this.path);
    if (content?.hash === this.#memory.hash()) {
      this.#content = content;
      if (found?.isSettled === true) this.#stamp = found.text;
    }
    return content?.hash;
  }

  /** The file as a flush finds it, read only where it is not as bd left it. */
  async #see(): Promise<SeenFile> {
    const { store, pause } = this.#options;
    const memory = this.#memory;
    // Git may have put conflict markers into content that is not ours.
    const isOurs = memory.showsStore() || !this.#isTracked();
    if (isOurs && (this.#isAsLeft() || (await this.#hash()) === memory.hash())) {
      return { content: undefined, hash: memory.hash() };
    }
    const expectsLines = (): boolean => store.issues.count() > 0;
    const content = await readSettled(this.path, { pause, expectsLines });
    return { content, hash: content && (await hashContent(content)) };
  }

  #isTracked(): boolean {
    return this.#options.tracking?.() !== undefined;
  }
}

/** The file as it was read; no hash where there was none. */
interface SeenFile {
  /** Undefined too where it is as bd left it. */
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

/** Hashes lines while they are written. */
async function writeHashed(
  staged: StagedFile,
  source: AsyncIterable<NewLines>,
): Promise<ContentHash> {
  const hasher = new ContentHasher();
  for await (const { lines, kept } of source) {
    const written = staged.write(lines);
    if (kept === undefined) hasher.update(lines);
    else hasher.keep(kept);
    await written;
  }
  return hasher.digest();
}

function unusable(path: string, error: unknown): BdError {
  if (error instanceof BdError) return error;
  return new BdError('FILE_UNUSABLE', {
    message: `cannot bring ${path} up to date: ${messageOf(error)}`,
    remedy: 'Check the permissions of that file and its directory, and the free space on the disk.',
    cause: error,
  });
}
