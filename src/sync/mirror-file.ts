import { readFile } from 'node:fs/promises';
import { BdError } from '../core/errors.ts';
import { MIRROR_ATTEMPTS_MAX, MIRROR_SETTLE_MS, VERSIONS_KEPT } from '../core/limits.ts';
import type { Clock } from '../platform/clock.ts';
import { isNotFound, removeStaged, stageFile } from '../platform/files.ts';
import type { Store } from '../store/store.ts';
import { hashContent, renderIssueFile } from './issue-file.ts';
import { endsInsideLine, readIssueLines } from './issue-lines.ts';
import { mirrorBase } from './line-base.ts';
import { quarantineLines } from './quarantine.ts';
import { reconcile } from './reconcile.ts';
import type { JoinNews } from './sync-report.ts';

export interface MirrorReport extends JoinNews {
  /** Issues that outside edits of the file changed in the store. */
  imported: number;
  /** Whether the file was replaced. */
  written: boolean;
}

export interface ShownMirror {
  content: Buffer;
  /** The last event that the content shows. */
  seq: number;
}

/** The JSONL file beside the store, for people, other tools and rebuilding the store. */
export interface MirrorFile {
  readonly path: string;
  /** Whether the store holds changes that the file does not show; looks at no file. */
  isBehind(): boolean;
  /** The last event that the file shows. */
  shownSeq(): number;
  /** What the file holds; undefined when that is not what bd wrote or took in last. */
  shown(): Promise<ShownMirror | undefined>;
  /** Takes in what others wrote to the file, then makes it show the store. One call at a time. */
  flush(): Promise<MirrorReport>;
}

/**
 * The file is known by the hash of its content, never by its time. The hash is noted before the file
 * is replaced: after a crash in between, the old file counts as an outside edit of old lines, which
 * changes nothing.
 */
const HASH = 'mirror_hash';
/** The last event that the file shows. */
const SEQ = 'mirror_seq';

export function createMirrorFile({
  path,
  quarantineDirectory,
  store,
  clock,
  pause,
}: {
  path: string;
  quarantineDirectory: string;
  store: Store;
  clock: Clock;
  pause: (ms: number) => Promise<unknown>;
}): MirrorFile {
  const { settings, events, versions } = store;
  let swept = false;
  const shownSeq = (): number => Number(settings.get(SEQ) ?? 0);
  const isBehind = (): boolean => shownSeq() !== events.lastSeq();

  const takeIn = async (content: Buffer, report: MirrorReport): Promise<void> => {
    const { created, updated, problems, ...told } = await reconcile(readIssueLines(content), {
      store,
      clock,
      origin: 'mirror',
      findBase: mirrorBase(store, shownSeq()),
    });
    report.imported += created + updated;
    report.moved.push(...told.moved);
    report.lostClaims.push(...told.lostClaims);
    report.doubled.push(...told.doubled);
    if (problems.length === 0) return;
    report.quarantine = await quarantineLines(quarantineDirectory, problems);
    report.problems = problems;
  };

  /** False when somebody wrote the file since `seen`: their lines come first. */
  const replace = async (seen: Buffer | undefined, seenHash: string | undefined) => {
    const seq = events.lastSeq();
    const { content, hash } = await renderIssueFile(store);
    if (hash === seenHash) {
      note(hash, seq);
      return 'equal';
    }
    const staged = await stageFile(path, content);
    if (!isSame(await readIfThere(path), seen)) {
      await staged.discard();
      return 'overtaken';
    }
    settings.set(HASH, hash);
    await staged.commit();
    note(hash, seq);
    return 'written';
  };

  const note = (hash: string, seq: number): void => {
    store.transaction(() => {
      settings.set(HASH, hash);
      settings.set(SEQ, String(seq));
      versions.forget(seq - VERSIONS_KEPT);
    });
  };

  const attempt = async (report: MirrorReport): Promise<boolean> => {
    const seen = await readSettled(path, { pause, expectsLines: store.issues.count() > 0 });
    const seenHash = seen === undefined ? undefined : await hashContent(seen);
    if (seen !== undefined && seenHash !== settings.get(HASH)) await takeIn(seen, report);
    else if (seen !== undefined && !isBehind()) return true;
    else if (seen === undefined && store.issues.count() === 0) return true;
    const outcome = await replace(seen, seenHash);
    report.written ||= outcome === 'written';
    return outcome !== 'overtaken';
  };

  return {
    path,
    isBehind,
    shownSeq,
    async shown() {
      const seq = shownSeq();
      const content = await readIfThere(path);
      if (content === undefined || (await hashContent(content)) !== settings.get(HASH)) {
        return undefined;
      }
      return { content, seq };
    },
    async flush() {
      const report: MirrorReport = {
        imported: 0,
        written: false,
        problems: [],
        moved: [],
        lostClaims: [],
        doubled: [],
        quarantine: undefined,
      };
      try {
        if (!swept) await removeStaged(path);
        swept = true;
        for (let attempts = 0; attempts < MIRROR_ATTEMPTS_MAX; attempts++) {
          if (await attempt(report)) return report;
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

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isSame(left: Buffer | undefined, right: Buffer | undefined): boolean {
  return left === undefined || right === undefined ? left === right : left.equals(right);
}

function unusable(path: string, error: unknown): BdError {
  if (error instanceof BdError) return error;
  return new BdError('FILE_UNUSABLE', {
    message: `cannot bring ${path} up to date: ${error instanceof Error ? error.message : String(error)}`,
    remedy: 'Check the permissions of that file and its directory, and the free space on the disk.',
    cause: error,
  });
}
