import { basename, dirname } from 'node:path';
import type { Log } from '../../platform/log.ts';
import { WorkspacePlace } from '../../place/workspace-place.ts';
import {
  emptyMirrorReport,
  type FlushOptions,
  type Mirror,
  type MirrorLook,
  type MirrorReport,
  type ShownMirror,
} from './mirror-file.ts';
import { failureFrom } from '../sync-failure.ts';

/** The mirror's place in another working tree of the repository. */
interface MirrorCopy {
  /** Unique, also among copies that were at the same path before. */
  name: string;
  path: string;
  /** The git directory of its working tree. */
  gitDir: string;
}

interface CopiesOptions {
  find: () => MirrorCopy[];
  /** Changes when there may be other copies than before; costs a stat per working tree. */
  trace: () => string | undefined;
  open: (copy: MirrorCopy) => Mirror;
  log: Log;
}

/**
 * The mirror together with its copies, which come and go while the daemon runs. All are written alike, and an
 * edit of one is taken in and shown in the others. A copy that cannot be used is logged once and stops nothing.
 */
export class MirrorWithCopies implements Mirror {
  readonly path: string;
  readonly #main: Mirror;
  readonly #options: CopiesOptions;
  #copies = new Map<string, Mirror>();
  /** The trace when the copies were found; undefined when a trace cannot tell. */
  #trace: string | undefined;
  /** Why copies could not be used at the last flush, by their names. */
  readonly #failures = new Map<string, string>();

  constructor(main: Mirror, options: CopiesOptions) {
    this.path = main.path;
    this.#main = main;
    this.#options = options;
  }

  isBehind(): boolean {
    return this.#usable().some((file) => file.isBehind());
  }

  shownSeq(): number {
    return this.#main.shownSeq();
  }

  shown(): Promise<ShownMirror | undefined> {
    return this.#main.shown();
  }

  directories(): string[] {
    return [this.#main, ...this.#copies.values()].flatMap((file) => file.directories());
  }

  hasMoved(): boolean {
    const { find, trace } = this.#options;
    const found = trace();
    if (found !== undefined && found === this.#trace) return false;
    const names = find().map(({ name }) => name);
    const isSame =
      names.length === this.#copies.size && names.every((name) => this.#copies.has(name));
    if (isSame) this.#trace = found;
    return !isSame;
  }

  mayBeEdited(): boolean {
    return this.hasMoved() || this.#usable().some((file) => file.mayBeEdited());
  }

  async look(): Promise<MirrorLook> {
    if (this.hasMoved()) return 'edited';
    const looks: MirrorLook[] = [];
    for (const file of this.#usable()) {
      if (file.mayBeEdited()) looks.push(await file.look());
    }
    return (['edited', 'taken_in'] as const).find((look) => looks.includes(look)) ?? 'settled';
  }

  async flush(options: FlushOptions = {}): Promise<MirrorReport> {
    this.#findCopies();
    const reports: MirrorReport[] = [];
    const postponed = new Set<string>();
    for (const [name, copy] of this.#copies) {
      const report = await this.#flushCopy(name, copy, options);
      if (report.postponed !== undefined) postponed.add(name);
      reports.push(report);
    }
    reports.push(await this.#main.flush(options));
    // The first copies do not show yet what came from the later ones.
    for (const [name, copy] of this.#copies) {
      const isDone = this.#failures.has(name) || postponed.has(name) || !copy.isBehind();
      if (!isDone) reports.push(await this.#flushCopy(name, copy, options));
    }
    return reports.reduce(combine);
  }

  #findCopies(): void {
    const { find, open } = this.#options;
    const before = this.#copies;
    this.#copies = new Map(find().map((copy) => [copy.name, before.get(copy.name) ?? open(copy)]));
    for (const name of this.#failures.keys()) {
      if (!this.#copies.has(name)) this.#failures.delete(name);
    }
  }

  async #flushCopy(name: string, copy: Mirror, options: FlushOptions): Promise<MirrorReport> {
    try {
      new WorkspacePlace(dirname(copy.path)).refuseLinks([basename(copy.path)]);
      const report = await copy.flush(options);
      this.#failures.delete(name);
      return report;
    } catch (error) {
      const { message } = failureFrom(error);
      if (this.#failures.get(name) !== message) this.#options.log.warn(message, { error });
      this.#failures.set(name, message);
      return emptyMirrorReport();
    }
  }

  /** Without copies that failed: they were logged, and the next flush tries them again. */
  #usable(): Mirror[] {
    const copies = [...this.#copies].filter(([name]) => !this.#failures.has(name));
    return [this.#main, ...copies.map(([, copy]) => copy)];
  }
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
