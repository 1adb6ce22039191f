import { realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { BdError, messageOf } from '../../core/errors.ts';
import { parseIssueLine } from '../../core/issue-line.ts';
import { SLICE_RECORDS } from '../../core/limits.ts';
import { writeFileAtomically } from '../../platform/files.ts';
import type { Params } from '../../protocol/methods.ts';
import { createDryRunStore } from '../../store/dry-run-store.ts';
import { renderIssueFile } from '../../sync/mirror/issue-file.ts';
import { readIssueLines, type IncomingLine } from '../../sync/intake/issue-lines.ts';
import { importBase } from '../../sync/intake/line-base.ts';
import { reconcile } from '../../sync/intake/reconcile.ts';
import { joinSentences } from '../../sync/intake/join-news.ts';
import type { Workspace } from '../workspace.ts';
import type { Operations } from './operation.ts';

/** An import tells how far it is after each so many lines, which take it about a second. */
const PROGRESS_LINES = 10_000;

/** Export and import of issues as lines. */
export const transferOperations: Operations<
  'export' | 'read_lines' | 'import',
  Pick<Workspace, 'store' | 'sync' | 'clock' | 'mirrorPath'>
> = {
  async export(workspace, { path }) {
    const exported = workspace.store.issues.count();
    if (path === undefined) {
      await workspace.sync.flushMirror();
      return { path: workspace.mirrorPath, exported };
    }
    checkAbsolute(path);
    const target = plainTarget(path);
    const content = await renderIssueFile(workspace.store);
    await writeFileAtomically(target, content).catch((error: unknown) => {
      throw unusable(path, 'written', error);
    });
    return { path, exported };
  },

  read_lines(workspace, { after = '', limit = SLICE_RECORDS }) {
    const page = workspace.store.issues.linesAfter(after, limit);
    const isLast = page.length < limit;
    return {
      lines: page.map(({ line }) => line),
      next: isLast ? null : (page.at(-1)?.id ?? null),
    };
  },

  async import(workspace, params, { signal, progress }) {
    const { store, clock } = workspace;
    const { dry_run: isDryRun = false, skip_existing: skipsExisting = false } = params;
    const target = isDryRun ? createDryRunStore(store) : store;
    let skipped = 0;
    const isSkipped = ({ text = '' }: IncomingLine): boolean => {
      const parsed = parseIssueLine(text, clock.nowMs());
      if ('problem' in parsed || target.issues.line(parsed.issue.id) === undefined) return false;
      skipped += 1;
      return true;
    };
    const incoming = readIssueLines(await contentOf(params));
    const wanted = skipsExisting ? without(incoming, isSkipped) : incoming;
    const lines = progress === undefined ? wanted : counted(wanted, progress);
    const { created, updated, unchanged, problems, ...news } = await reconcile(lines, {
      store: target,
      clock,
      origin: 'import',
      findBase: importBase(target),
      signal,
    });
    return {
      created,
      updated,
      unchanged,
      skipped,
      problems: problems.map(({ line, problem }) => ({ line, problem })),
      moved: news.moved,
      lost_claims: news.lostClaims.map(({ issueId, winner, loser }) => ({
        issue_id: issueId,
        winner,
        loser,
      })),
      doubled: news.doubled,
      notices: joinSentences(news),
      dry_run: isDryRun,
    };
  },
};

async function contentOf({ path, lines }: Params<'import'>): Promise<Buffer> {
  if ((path === undefined) === (lines === undefined)) {
    throw new BdError('INVALID_VALUE', {
      message: 'import got neither or both of path and lines',
      remedy: 'Give one of them.',
    });
  }
  if (path === undefined) return Buffer.from((lines ?? []).join('\n'));
  checkAbsolute(path);
  return readFile(path).catch((error: unknown) => {
    throw unusable(path, 'read', error);
  });
}

function* without<T>(items: Iterable<T>, isLeftOut: (item: T) => boolean): Generator<T> {
  for (const item of items) if (!isLeftOut(item)) yield item;
}

function* counted<T>(items: Iterable<T>, progress: (count: number) => void): Generator<T> {
  let count = 0;
  for (const item of items) {
    yield item;
    count += 1;
    if (count % PROGRESS_LINES === 0) progress(count);
  }
}

/** The target of a link. Refuses pipes and devices, as the export would replace them by a file. */
function plainTarget(path: string): string {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return path;
  if (status.isFile()) return realpathSync(path);
  throw new BdError('FILE_UNUSABLE', {
    message: `${path} is no ordinary file`,
    remedy: `Name another file, or write there yourself: \`bd export > ${path}\`.`,
  });
}

function checkAbsolute(path: string): void {
  if (isAbsolute(path)) return;
  throw new BdError('INVALID_VALUE', {
    message: `"${path}" is not an absolute path`,
    remedy: 'Give the whole path: the daemon has no current directory.',
  });
}

function unusable(path: string, doing: string, error: unknown): BdError {
  return new BdError('FILE_UNUSABLE', {
    message: `${path} cannot be ${doing}: ${messageOf(error)}`,
    remedy: 'Check the path and its permissions.',
    cause: error,
  });
}
