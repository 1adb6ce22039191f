import { dirname } from 'node:path';
import { BdError, messageOf } from '../../core/errors.ts';
import { MIRROR_ATTEMPTS_MAX, MIRROR_SETTLE_MS, VERSIONS_KEPT } from '../../core/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import { readIfThere, removeStaged, stageFile } from '../../platform/files.ts';
import { stampFile } from '../../platform/file-version.ts';
import type { Store } from '../../store/store.ts';
import { withCarried, quarantineLines, type LineProblem } from '../intake/unreadable-lines.ts';
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
export interface MirrorFile {
  readonly path: string;
  /** Whether the store holds changes that the file does not show; looks at no file. */
  isBehind(): boolean;
  /** The last event that the file shows, or needs not show. */
  shownSeq(): number;
  /** What the file holds; undefined when that is not what bd wrote or took in last. */
  shown(): Promise<ShownMirror | undefined>;
  /** Whether the file may be another one than bd left or accepted; looks at its status only. */
  mayBeEdited(): boolean;
  /** The same by its content; `mayBeEdited` remembers when it is not. */
  look(): Promise<MirrorLook>;
  /** Takes in what others wrote to the file, then makes it show the store. One call at a time. */
  flush(options?: FlushOptions): Promise<MirrorReport>;
  /** Where it is written. */
  directories(): string[];
  /** Whether it is in other directories than at the last flush. */
  hasMoved(): boolean;
}

export interface FlushOptions {
  /** Somebody asks for a file that shows everything, also where git put another version there. */
  isAsked?: boolean;
}

/** A mirror that people commit themselves: what git does to the file is theirs. */
export interface Tracking {
  /** What they are in the middle of; the file is not written before its end, but to end a conflict in it. */
  operation: string | undefined;
  /** Git itself is at work there. */
  isLocked: boolean;
}

export interface MirrorFileOptions {
  path: string;
  quarantineDirectory: string;
  store: Store;
  clock: Clock;
  pause: (ms: number) => Promise<unknown>;
  memory?: MirrorMemory;
  /** Undefined for a file that is bd's alone; asked at each use. */
  tracking?: () => Tracking | undefined;
}

/**
 * The file is known by the hash of its content, never by its time. The hash is noted before the file
 * is replaced: after a crash in between, the old file counts as an outside edit of old lines, which
 * changes nothing.
 */
export function createMirrorFile({
  path,
  quarantineDirectory,
  store,
  clock,
  pause,
  memory = createMirrorMemory(store.settings),
  tracking = () => undefined,
}: MirrorFileOptions): MirrorFile {
  const { events, versions } = store;
  let swept = false;
  /** The file's stamp when it was settled; undefined when no stamp tells that. */
  let stamp: string | undefined;
  /** Content of others that is in the store, and that could not be replaced yet. */
  let taken: { hash: string | undefined; isEdited: boolean } | undefined;
  const isBehind = (): boolean => memory.seq() !== events.lastSeq();

  /** Whether somebody edited lines, which are to be sealed again before others read them. */
  const takeIn = async (content: Buffer, report: MirrorReport): Promise<boolean> => {
    const { created, updated, edited, problems, ...told } = await reconcile(
      readIssueLines(content),
      {
        store,
        clock,
        origin: 'mirror',
        findBase: memory.showsStore() ? mirrorBase(store, memory.seq()) : importBase(store),
      },
    );
    report.imported += created + updated;
    addEffects(report, told);
    const fresh = carry(problems);
    if (fresh.length > 0) {
      report.quarantine = await quarantineLines(quarantineDirectory, fresh);
      report.problems = fresh;
    }
    return edited > 0;
  };

  /**
   * What cannot be read stays in a file that people commit, as their next commit would take it from
   * everybody. Returns what is to be told of.
   */
  const carry = (problems: LineProblem[]): LineProblem[] => {
    const known = memory.carried().map(({ line }) => line);
    memory.carry(tracking() === undefined ? [] : problems.map(({ raw }) => raw));
    return problems.filter(({ raw }) => !known.some((line) => Buffer.compare(line, raw) === 0));
  };

  const render = async (): Promise<IssueFile> => {
    const file = await renderIssueFile(store);
    if (tracking() === undefined) memory.carry([]);
    const carried = memory.carried();
    if (carried.length === 0) return file;
    const content = withCarried(file.content, carried);
    return { content, hash: await hashContent(content) };
  };

  /** False when somebody wrote the file since `seen`: their lines come first. */
  const replace = async (seen: Buffer | undefined, seenHash: string | undefined) => {
    const seq = events.lastSeq();
    const { content, hash } = await render();
    if (hash === seenHash) {
      note(hash, seq);
      return 'equal';
    }
    const staged = await stageFile(path, content);
    if (!isSame(await readIfThere(path), seen)) {
      await staged.discard();
      return 'overtaken';
    }
    memory.writing(hash);
    await staged.commit();
    note(hash, seq);
    return 'written';
  };

  const note = (hash: string, seq: number): void => {
    taken = undefined;
    store.transaction(() => {
      memory.wrote(hash, seq);
      versions.forget(seq - VERSIONS_KEPT);
    });
  };

  const attempt = async (
    report: MirrorReport,
    { isAsked = false }: FlushOptions,
  ): Promise<boolean> => {
    const seen = await readSettled(path, { pause, expectsLines: store.issues.count() > 0 });
    if (seen === undefined && store.issues.count() === 0) return true;
    const seenHash = seen === undefined ? undefined : await hashContent(seen);
    const isForeign = seenHash !== memory.hash();
    if (!isForeign) taken = undefined;
    if (!isForeign && !isBehind() && (memory.showsStore() || !isAsked)) return true;
    if (isForeign && seen !== undefined && taken?.hash !== seenHash) {
      taken = { hash: seenHash, isEdited: await takeIn(seen, report) };
    }
    const isEdited = isForeign && seen !== undefined && taken?.isEdited === true;
    const tracked = tracking();
    // Git stopped for this file: the person needs it without markers to go on.
    const isUnresolved = tracked !== undefined && seen !== undefined && hasConflictMarkers(seen);
    const isAwaited = isEdited || isUnresolved || isAsked || hasChangesHere();
    if (tracked !== undefined && isForeign && !isAwaited) {
      store.transaction(() => memory.left(seenHash, events.lastSeq()));
      return true;
    }
    report.postponed = tracked && awaited(tracked, seen);
    if (report.postponed !== undefined) {
      if (isForeign) store.transaction(() => memory.postponed(seenHash));
      return true;
    }
    const outcome = await replace(seen, seenHash);
    report.written ||= outcome === 'written';
    return outcome !== 'overtaken';
  };

  /**
   * A checkout, reset or stash puts an older version there, or one from another branch, and git wants to
   * find it as it left it: were it written at once, the next checkout would be refused because of a
   * change that nobody made. So it is written when an issue was changed in another way than by the file.
   */
  const hasChangesHere = (): boolean => events.hasOtherThan('mirror', { after: memory.since() });

  return {
    path,
    isBehind,
    shownSeq: () => memory.seq(),
    directories: () => [dirname(path)],
    hasMoved: () => false,
    mayBeEdited() {
      const found = stampFile(path);
      return found !== undefined && found.text !== stamp;
    },
    async look() {
      const found = stampFile(path);
      const content = await readIfThere(path);
      if (content === undefined) return 'settled';
      const hash = await hashContent(content);
      if (hash !== memory.hash()) return hash === taken?.hash ? 'taken_in' : 'edited';
      stamp = found?.isSettled === true ? found.text : undefined;
      return 'settled';
    },
    async shown() {
      const seq = memory.seq();
      const content = memory.showsStore() ? await readIfThere(path) : undefined;
      if (content === undefined || (await hashContent(content)) !== memory.hash()) return undefined;
      return { content, seq };
    },
    async flush(options = {}) {
      const report = emptyMirrorReport();
      try {
        if (!swept) await removeStaged(path);
        swept = true;
        for (let attempts = 0; attempts < MIRROR_ATTEMPTS_MAX; attempts++) {
          if (await attempt(report, options)) return report;
        }
      } catch (error) {
        throw unusable(path, error);
      }
      throw new BdError('FILE_UNUSABLE', {
        message: `${path} was rewritten by another program each time bd was about to write it`,
        remedy: 'Stop the program that keeps writing that file; nothing is lost meanwhile.',
      });
    },
  };
}

export function emptyMirrorReport(): MirrorReport {
  return { imported: 0, written: false, postponed: undefined, ...noNews() };
}

/** Both sides between conflict markers are in the store by then: people go on from what it makes of them. */
function awaited(
  { operation, isLocked }: Tracking,
  content: Buffer | undefined,
): string | undefined {
  if (isLocked) return operation ?? GIT_COMMAND;
  return content !== undefined && hasConflictMarkers(content) ? undefined : operation;
}

/** Waits, within bounds, for the end of a file that somebody is still writing, or has just emptied to write it. */
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
    // An empty file is no end: whoever emptied it is about to write.
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
