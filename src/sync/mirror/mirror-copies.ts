import { basename, dirname } from 'node:path';
import type { Log } from '../../platform/log.ts';
import { WorkspacePlace } from '../../place/workspace-place.ts';
import {
  emptyMirrorReport,
  type FlushOptions,
  type MirrorFile,
  type MirrorLook,
  type MirrorReport,
} from './mirror-file.ts';
import { failureFrom } from '../sync-failure.ts';

/** The mirror in another working tree of the repository. */
export interface MirrorCopy {
  /** Tells it from all others, also from one that was at this path before. */
  name: string;
  path: string;
}

/**
 * The mirror together with its copies, which come and go while the daemon runs: all are written alike,
 * and what is edited in one is taken in and shown in the others. A copy that cannot be used is logged
 * once and stops nothing.
 */
export function withCopies<Copy extends MirrorCopy>(
  main: MirrorFile,
  {
    find,
    trace,
    open,
    log,
  }: {
    find: () => Copy[];
    /** Another one when there may be other copies than before; costs a stat per working tree. */
    trace: () => string | undefined;
    open: (copy: Copy) => MirrorFile;
    log: Log;
  },
): MirrorFile {
  let copies = new Map<string, MirrorFile>();
  /** The trace with which `copies` were found; undefined when it is not to be relied on. */
  let known: string | undefined;
  const failures = new Map<string, string>();

  const look = (): void => {
    copies = new Map(find().map((copy) => [copy.name, copies.get(copy.name) ?? open(copy)]));
    for (const name of failures.keys()) if (!copies.has(name)) failures.delete(name);
  };
  const hasMoved = (): boolean => {
    const found = trace();
    if (found !== undefined && found === known) return false;
    const names = find().map(({ name }) => name);
    if (names.length !== copies.size || names.some((name) => !copies.has(name))) return true;
    known = found;
    return false;
  };
  /** A copy that cannot be used was logged, and is tried again with the next flush. */
  const usable = (): MirrorFile[] =>
    [...copies].filter(([name]) => !failures.has(name)).map(([, copy]) => copy);
  const isBehind = (): boolean => main.isBehind() || usable().some((copy) => copy.isBehind());

  const flushCopy = async (
    name: string,
    copy: MirrorFile,
    options: FlushOptions,
  ): Promise<MirrorReport> => {
    try {
      new WorkspacePlace(dirname(copy.path)).refuseLinks([basename(copy.path)]);
      const report = await copy.flush(options);
      failures.delete(name);
      return report;
    } catch (error) {
      const { message } = failureFrom(error);
      if (failures.get(name) !== message) log.warn(message, { error });
      failures.set(name, message);
      return emptyMirrorReport();
    }
  };

  return {
    path: main.path,
    isBehind,
    shownSeq: () => main.shownSeq(),
    shown: () => main.shown(),
    directories: () => [main, ...copies.values()].flatMap((file) => file.directories()),
    hasMoved,
    mayBeEdited: () => hasMoved() || [main, ...usable()].some((file) => file.mayBeEdited()),
    async look() {
      if (hasMoved()) return 'edited';
      const looks: MirrorLook[] = [];
      for (const file of [main, ...usable()]) {
        if (file.mayBeEdited()) looks.push(await file.look());
      }
      return (['edited', 'taken_in'] as const).find((look) => looks.includes(look)) ?? 'settled';
    },
    async flush(options = {}) {
      look();
      const reports: MirrorReport[] = [];
      const waiting = new Set<string>();
      for (const [name, copy] of copies) {
        const report = await flushCopy(name, copy, options);
        if (report.postponed !== undefined) waiting.add(name);
        reports.push(report);
      }
      reports.push(await main.flush(options));
      // What the later ones brought, the earlier do not show yet.
      for (const [name, copy] of copies) {
        const isDone = failures.has(name) || waiting.has(name) || !copy.isBehind();
        if (!isDone) reports.push(await flushCopy(name, copy, options));
      }
      return reports.reduce(combine);
    },
  };
}

function combine(left: MirrorReport, right: MirrorReport): MirrorReport {
  return {
    imported: left.imported + right.imported,
    written: left.written || right.written,
    postponed: left.postponed ?? right.postponed,
    problems: [...left.problems, ...right.problems],
    quarantine: right.quarantine ?? left.quarantine,
    moved: [...left.moved, ...right.moved],
    lostClaims: [...left.lostClaims, ...right.lostClaims],
    doubled: [...left.doubled, ...right.doubled],
  };
}
