import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Issue } from '../../src/core/issue.ts';
import { listConflicts } from '../../src/core/causal/conflicts.ts';
import { classicPart } from '../../src/core/causal/decode-line.ts';
import { encodeIssueLine } from '../../src/core/issue-line.ts';
import { systemClock, type Clock } from '../../src/platform/clock.ts';
import { createGit } from '../../src/git/git.ts';
import { silentLog, type Log } from '../../src/platform/log.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import type { Reached, CycleReport } from '../../src/sync/cycle.ts';
import { IssueTree } from '../../src/sync/branch/issue-tree.ts';
import { createBranchCycle, runBranchCycle } from '../../src/sync/branch/branch-cycle.ts';
import { MirrorFile, type Mirror } from '../../src/sync/mirror/mirror-file.ts';
import { createSyncBranch, type SyncBranch } from '../../src/sync/branch/sync-branch.ts';
import { SyncEngine } from '../../src/sync/sync-engine.ts';
import type { SyncSettings } from '../../src/sync/sync-event.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { SETTINGS } from './settings.ts';

export interface Clone {
  directory: string;
  beadsDir: string;
  mirrorPath: string;
  store: Store;
  mirror: Mirror;
  branch: SyncBranch;
  engine: SyncEngine;
  settings: SyncSettings;
}

export const PROJECT = { projectId: '11111111-2222-4333-8444-555555555555', prefix: 't' };

/** A repository with one commit, a remote when one is given, and an open store beside it. */
export function createClone(
  sandbox: Sandbox,
  name: string,
  {
    remote,
    clock = systemClock,
    log = silentLog,
    project = PROJECT,
    wrapBranch = (branch) => branch,
  }: {
    remote?: string;
    clock?: Clock;
    log?: Log;
    project?: typeof PROJECT;
    wrapBranch?: (branch: SyncBranch) => SyncBranch;
  } = {},
): Clone {
  const directory = join(sandbox.directory, name);
  const beadsDir = join(directory, '.beads');
  mkdirSync(beadsDir, { recursive: true });
  sandbox.git(directory, 'init', '--quiet', '-b', 'main');
  sandbox.git(directory, 'commit', '--quiet', '--allow-empty', '-m', 'start');
  if (remote !== undefined) sandbox.git(directory, 'remote', 'add', 'origin', remote);
  return openClone(sandbox, directory, { clock, log, project, wrapBranch });
}

export function openClone(
  sandbox: Sandbox,
  directory: string,
  {
    clock = systemClock,
    log = silentLog,
    project = PROJECT,
    wrapBranch = (branch) => branch,
  }: {
    clock?: Clock;
    log?: Log;
    project?: typeof PROJECT;
    wrapBranch?: (branch: SyncBranch) => SyncBranch;
  } = {},
): Clone {
  const beadsDir = join(directory, '.beads');
  const mirrorPath = join(beadsDir, 'beads.jsonl');
  const quarantineDirectory = join(beadsDir, 'quarantine');
  const store = openStore(join(beadsDir, 'beads.db'), { clock });
  const mirror = new MirrorFile({ path: mirrorPath, quarantineDirectory, store, clock, pause });
  const git = createGit({ gitDir: join(directory, '.git'), env: sandbox.env });
  const branch = wrapBranch(createSyncBranch({ git, project, clock }));
  const settings = { ...SETTINGS };
  const random = (): number => 0.5;
  const engine = new SyncEngine(() => ({
    store,
    mirror,
    cycle: createBranchCycle({ store, branch, clock, random, pause, quarantineDirectory }),
    clock,
    random,
    settings,
    guard: () => {},
    log,
  }));
  store.onCommit(() => engine.storeChanged());
  return { directory, beadsDir, mirrorPath, store, mirror, branch, engine, settings };
}

/** What a process remembers from one cycle to the next. */
const issueTrees = new WeakMap<Clone, IssueTree>();

/** One cycle as the engine runs it; `reached` may throw to let it die there. */
export function cycle(
  clone: Clone,
  through: SyncBranch = clone.branch,
  reached: Reached = () => {},
): Promise<CycleReport> {
  const { store, beadsDir, settings } = clone;
  const issueTree = issueTrees.get(clone) ?? new IssueTree(store, through.objects);
  issueTrees.set(clone, issueTree);
  return runBranchCycle({
    store,
    branch: through,
    issueTree,
    reached,
    clock: systemClock,
    random: () => 0,
    pause: () => Promise.resolve(),
    quarantineDirectory: join(beadsDir, 'quarantine'),
    push: settings.push,
    signal: new AbortController().signal,
  });
}

export function createRemote(sandbox: Sandbox, name = 'remote.git'): string {
  const path = join(sandbox.directory, name);
  sandbox.git(sandbox.directory, 'init', '--quiet', '--bare', '-b', 'main', path);
  return path;
}

export function issue(id: string, fields: Partial<Issue> = {}): Issue {
  return {
    id: id as Issue['id'],
    title: `Title of ${id}`,
    status: 'open',
    priority: 2,
    issue_type: 'task',
    created_at: '2026-01-01T00:00:00.000Z',
    updated_at: '2026-01-01T00:00:00.000Z',
    ...fields,
  };
}

/** As a tool writes it that does not know `_bd`. */
export function line(id: string, fields: Partial<Issue> = {}): string {
  return encodeIssueLine(issue(id, fields));
}

/** A change made here, as an operation makes it. */
export function put(store: Store, ...issues: Issue[]): void {
  store.transaction(() => {
    for (const each of issues) {
      const kind = store.issues.line(each.id) === undefined ? 'created' : 'updated';
      const atMs = Date.parse(each.updated_at);
      store.edits.put(each, { kind, actor: 'ann', origin: 'local', atMs });
    }
  });
}

export function lines(store: Store): string[] {
  return store.issues.linesAfter('', 100_000).map((row) => row.line);
}

/** Without `_bd`, as other tools read them. */
export function classic(rows: readonly string[]): string[] {
  return rows.map(classicPart);
}

/** What is for people to decide in an issue: `field: shown | others`. */
export function conflicts(store: Store, id: string): string[] {
  const state = store.issues.state(id);
  if (state === undefined) return [];
  return listConflicts(state).map(({ key, shown, others }) => {
    const values = [shown, ...others].map(({ value }) => JSON.stringify(value));
    return `${key}: ${values.join(' | ')}`;
  });
}
