import { existsSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BdError } from '../../core/errors.ts';
import { REMOTE_PATIENCE_MS } from '../../core/limits.ts';
import { timestampAt } from '../../core/timestamp.ts';
import { borrowRepository } from '../../git/borrowed-repository.ts';
import { listCommitted } from '../../git/tree.ts';
import { gitOutput, openSharedGit } from '../../git/git.ts';
import { GitObjects } from '../../git/objects.ts';
import type { GitRepository } from '../../git/repository.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Environment } from '../../platform/environment.ts';
import { readIfThere, writeFileAtomically } from '../../platform/files.ts';
import type { Log } from '../../platform/log.ts';
import { checkPurge, missingIn, purgeBranch } from '../../sync/branch/purge-branch.ts';
import { openConfig } from '../config/config.ts';
import { readMetadata } from '../config/metadata.ts';
import { openBranch } from '../cycles.ts';
import { openWorkspace } from '../workspace.ts';
import { readFootprint, type Footprint } from './footprint.ts';
import { planUnexclude } from './ignore-files.ts';
import { planUnmerge } from './merge-settings.ts';
import { makeChanges, type PlannedChange } from './planned-change.ts';
import { planRemoval } from './uninstalled-files.ts';

export interface UninstallOptions {
  place: WorkspacePlace;
  /** Deletes the branch on the remote too. */
  purgesRemote: boolean;
  /** Goes on when issues are nowhere else, and saves a copy of them. */
  isForced: boolean;
  /** Changes nothing, and needs no lock. */
  isDryRun?: boolean;
  env: Environment;
  clock: Clock;
  log: Log;
}

export interface UninstallReport {
  /** Only with a dry run, where `changes` tells what would be done. */
  dry_run?: true;
  beads_dir: string;
  /** Everything that was undone, or left as it is, one sentence each. */
  changes: string[];
  /** Where the issues were saved; null when they are elsewhere too, or there are none. */
  backup: string | null;
}

const NOTHING = Buffer.alloc(0);

/**
 * Undoes what `bd init` did. The caller holds `.beads/daemon.lock`, which is removed with the rest. What
 * could be lost is looked for before the first change.
 */
export async function uninstall(options: UninstallOptions): Promise<UninstallReport> {
  const { place, isDryRun = false } = options;
  requireProject(place);
  if (!isDryRun) await completeMirror(options);
  const { backup, changes: planned } = await planUninstall(options);
  const { changes } = await makeChanges(planned, { isDryRun });
  const report = { beads_dir: place.beadsDir, changes, backup };
  return isDryRun ? { dry_run: true, ...report } : report;
}

/** A workspace of the classic tool has no project id: bd did not make it. */
function requireProject(place: WorkspacePlace): void {
  if (readMetadata(place).project_id !== '') return;
  throw new BdError('NO_WORKSPACE', {
    message: `\`bd init\` was not run in ${place.projectDir}, so there is nothing to undo`,
    remedy: 'To remove the directory, delete it yourself; another tool made it.',
  });
}

/** The store will be removed, so the mirror must have everything in it, including what a killed daemon left. */
async function completeMirror(options: UninstallOptions): Promise<void> {
  await using workspace = await openWorkspace(options);
  // A mirror that was only ever read lacks nothing, and stays as it was found.
  const isAsked = workspace.store.events.hasChangesAfter(0);
  const { postponed } = await workspace.sync.flushMirror({ isAsked });
  if (postponed === undefined) return;
  throw new BdError('NOT_SHARED', {
    message: `nothing was removed: ${workspace.mirrorPath} cannot have all issues before the ${postponed} has ended`,
    remedy: `Finish the ${postponed} or abort it, then run this again.`,
  });
}

async function planUninstall(options: UninstallOptions) {
  const { place, purgesRemote, isForced } = options;
  const installed = await lookAt(options);
  const { metadata } = installed;
  const footprint = readFootprint(place);
  const tracked = await readTracked(installed);
  const files = planRemoval({ place, metadata, footprint, tracked });
  const purge = purgesRemote ? await planPurge(installed) : undefined;
  const isPurged = purge?.make !== undefined;
  const keepsIssues = files.stays.has(metadata.jsonl_export);
  const count = keepsIssues ? 0 : await countUnshared(installed, { branchIsDeleted: isPurged });
  if (count > 0 && !isForced && !isPurged) throw refuseLoss(count);
  const backup = count === 0 ? undefined : planBackup(installed, count);
  const changes = [
    backup,
    purge,
    ...(await planRepository(installed, footprint)),
    ...files.changes,
    ...(isPurged ? [] : await noteRejoining(installed)),
  ];
  return { backup: backup?.path ?? null, changes: changes.filter((each) => each !== undefined) };
}

type Installation = Awaited<ReturnType<typeof lookAt>>;

/** The workspace that is to be removed; `issues` is the mirror's content. */
async function lookAt({ place, env, clock }: UninstallOptions) {
  const metadata = readMetadata(place);
  const config = await openConfig(place, env);
  const issues = (await readIfThere(place.file(metadata.jsonl_export))) ?? NOTHING;
  return { place, metadata, projectId: metadata.project_id, config, issues, env, clock };
}

/** The files in `.beads` of the last commit, with their content. Does not look at the index. */
async function readTracked({ place, env }: Installation): Promise<ReadonlyMap<string, Buffer>> {
  const { repository, beadsDir } = place;
  if (repository === undefined) return new Map();
  const blobs = await listCommitted(repository, beadsDir, { env });
  const objects = new GitObjects(openSharedGit(repository, { env }));
  const contents = await objects.read([...blobs.values()]);
  return new Map([...blobs.keys()].map((path, at) => [path, contents[at] ?? NOTHING]));
}

async function planPurge(installed: Installation): Promise<PlannedChange> {
  const { repository } = installed.place;
  if (repository === undefined) {
    throw new BdError('SYNC_FAILED', {
      message: 'nothing was removed: without git there is no remote',
      remedy: 'Leave --purge-remote out.',
    });
  }
  await using borrowed = await borrowRepository(repository.commonDir);
  const branch = openBranch({ ...repository, commonDir: borrowed.gitDir }, installed);
  const found = await checkPurge(branch, installed.issues);
  if (found === undefined) {
    return { says: `found no ${installed.config.text('sync.branch')} on the remote` };
  }
  return {
    says: `deleted ${found.ref.replace(/^refs\/heads\//, '')} on ${found.remote}`,
    make: () => purgeBranch(openSharedGit(repository, installed), found),
  };
}

async function planRepository(
  { place, env }: Installation,
  footprint: Footprint | undefined,
): Promise<PlannedChange[]> {
  const { repository } = place;
  if (repository === undefined) return [];
  const bytes = footprint?.exclude_bytes;
  return [
    ...(await planRefs(repository, env)),
    ...planUnexclude(repository, place, { bytes }),
    ...(footprint?.merged === true ? [] : await planUnmerge(repository, env)),
  ];
}

async function planRefs(repository: GitRepository, env: Environment): Promise<PlannedChange[]> {
  const { commonDir } = repository;
  const git = openSharedGit(repository, { env });
  const format = '--format=%(refname) %(objectname)';
  const listing = await gitOutput(git, ['for-each-ref', format, 'refs/bd/']);
  if (listing === '' && !existsSync(join(commonDir, 'refs', 'bd'))) return [];
  const lines = listing.split('\n').filter((line) => line !== '');
  const refs = lines.map((line) => line.split(' '));
  const make = async (): Promise<void> => {
    for (const ref of refs) await gitOutput(git, ['update-ref', '-d', ...ref]);
    // Git leaves the empty directories behind; with reftable there are none.
    for (const kept of ['refs', 'logs/refs'])
      await rmdir(join(commonDir, kept, 'bd')).catch(() => {});
  };
  return [{ says: `deleted ${refs.map(([name]) => name).join(', ') || 'refs/bd'}`, make }];
}

/** The first command in a repository whose remote has issues joins them, also after an uninstall. */
async function noteRejoining({ place, config, env }: Installation): Promise<PlannedChange[]> {
  const { repository } = place;
  if (repository === undefined || config.text('sync.mode') !== 'branch') return [];
  const shared = ['refs/bd/remote', `refs/remotes/*/${config.text('sync.branch')}`];
  const args = ['for-each-ref', '--count=1', '--format=%(refname)', ...shared];
  if ((await gitOutput(openSharedGit(repository, { env }), args)) === '') return [];
  return [
    {
      says: 'left the issues on the remote: the next bd command here joins them, unless BEADS_NO_AUTO_INIT=1 is set',
    },
  ];
}

/** How many issues, changed ones included, the mirror has and the remote's branch lacks. */
async function countUnshared(
  installed: Installation,
  { branchIsDeleted }: { branchIsDeleted: boolean },
): Promise<number> {
  const { issues, place } = installed;
  const all = missingIn(NOTHING, issues).length;
  const { repository } = place;
  if (all === 0 || branchIsDeleted || repository === undefined) return all;
  return missingIn(await readShared(repository, installed), issues).length;
}

/**
 * What the remote's branch holds, as of the last fetch when it cannot be reached; empty when there is no
 * branch. Fetches into a borrowed repository, so that this one gets no ref.
 */
async function readShared(repository: GitRepository, installed: Installation): Promise<Buffer> {
  await using borrowed = await borrowRepository(repository.commonDir);
  const branch = openBranch({ ...repository, commonDir: borrowed.gitDir }, installed);
  try {
    const remote = installed.config.truth('sync.push') ? await branch.remote() : undefined;
    if (remote !== undefined) await branch.fetch(remote, { timeoutMs: REMOTE_PATIENCE_MS });
    // With sharing off, what the person's own clone or fetch brought is on the remote too.
    const { theirs } = await (remote === undefined ? branch.heldTips() : branch.tips());
    const snapshot = await branch.snapshot(theirs);
    return snapshot === undefined ? NOTHING : await branch.readIssues(snapshot);
  } catch {
    // An unreadable branch, or another project's, shares none of these issues.
    return NOTHING;
  }
}

/** A copy of the mirror in `~/.beads/removed`, outside of everything that is removed. */
function planBackup(
  { place, issues, env, clock }: Installation,
  count: number,
): PlannedChange & { path: string } {
  const home = env['HOME'] ?? env['USERPROFILE'];
  if (home === undefined) {
    throw new BdError('NOT_SHARED', {
      message: `there is no home directory to save ${inWords(count)} in`,
      remedy: 'Set HOME, or share the issues with `bd sync` first.',
    });
  }
  const directory = join(home, '.beads', 'removed');
  const stamp = timestampAt(clock.nowMs()).slice(0, 19).replaceAll(':', '');
  const path = join(directory, `${basename(place.projectDir)}-${stamp}.jsonl`);
  return {
    path,
    says: `saved ${inWords(count)} in ${path}`,
    async make() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFileAtomically(path, issues, { mode: 0o600 });
    },
  };
}

function refuseLoss(count: number): BdError {
  return new BdError('NOT_SHARED', {
    message: `${inWords(count)} would be lost: this workspace alone has ${count === 1 ? 'it' : 'them'}`,
    remedy:
      'Share them with `bd sync` or keep them with `bd export -o FILE`; --force leaves a copy in ~/.beads/removed.',
  });
}

function inWords(count: number): string {
  return count === 1 ? '1 changed issue' : `${count} changed issues`;
}
