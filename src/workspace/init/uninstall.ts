import { rmdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BdError } from '../../core/errors.ts';
import { REMOTE_PATIENCE_MS } from '../../core/limits.ts';
import { borrowRepository } from '../../git/borrowed-repository.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Environment } from '../../platform/environment.ts';
import { readIfThere } from '../../platform/files.ts';
import type { Git } from '../../git/git.ts';
import { createGitObjects } from '../../git/objects.ts';
import { findGitRepository, type GitRepository } from '../../git/repository.ts';
import type { Log } from '../../platform/log.ts';
import { gitOutput } from '../../git/git-output.ts';
import { checkPurge, purgeBranch } from '../../sync/branch/purge-branch.ts';
import { missingIn } from '../../sync/branch/shared-elsewhere.ts';
import type { SyncBranch } from '../../sync/branch/sync-branch.ts';
import { makeChanges, type Change } from './change.ts';
import { listCommitted } from './committed-files.ts';
import { openConfig, type Config } from '../config/config.ts';
import { planUnexclude } from './exclude-line.ts';
import { readFootprint } from './footprint.ts';
import { planBackup, refuseLoss } from './backup.ts';
import { planUnmerge } from './merge-settings.ts';
import { readMetadata, type Metadata } from '../config/metadata.ts';
import { openSharedGit } from '../shared-git.ts';
import { openBranch } from '../sync-mode.ts';
import { planRemoval } from './uninstalled-files.ts';
import { openWorkspace } from '../workspace.ts';

export interface UninstallOptions {
  beadsDir: string;
  /** Deletes the branch on the remote too. */
  purgesRemote: boolean;
  /** Also when issues are nowhere else: a copy of them is left. */
  isForced: boolean;
  env: Environment;
  clock: Clock;
  log: Log;
}

export interface UninstallReport {
  beads_dir: string;
  /** Everything that was undone, or left as it is, one sentence each. */
  changes: string[];
  /** Where the issues were saved; null when they are elsewhere too, or there are none. */
  backup: string | null;
}

/**
 * Takes back what `bd init` did. The caller owns `.beads/daemon.lock`, which goes with the rest. All
 * that could be lost is looked for before the first change.
 */
export async function uninstall(options: UninstallOptions): Promise<UninstallReport> {
  const { beadsDir } = options;
  requireOurs(beadsDir);
  await showAll(options);
  const { backup, changes: planned } = await planUninstall(options);
  const { changes } = await makeChanges(planned);
  return { beads_dir: beadsDir, changes, backup };
}

/** The store goes, so its file is to show all of it first: also what a killed daemon left in the store. */
async function showAll(options: UninstallOptions): Promise<void> {
  await using workspace = await openWorkspace(options);
  // A file that was only ever taken in lacks nothing, and is given back as it was found.
  const isAsked = workspace.store.events.hasOtherThan('mirror', { after: 0 });
  const { postponed } = await workspace.sync.flushMirror({ isAsked });
  if (postponed === undefined) return;
  throw new BdError('NOT_SHARED', {
    message: `nothing was removed: ${workspace.mirrorPath} cannot show all issues before the ${postponed} has ended`,
    remedy: `Finish the ${postponed} or abort it, then run this again.`,
  });
}

/** The same without doing it; needs no lock. */
export async function previewUninstall(
  options: UninstallOptions,
): Promise<UninstallReport & { dry_run: true }> {
  const { beadsDir } = options;
  requireOurs(beadsDir);
  const { backup, changes } = await planUninstall(options);
  const says = changes.map((change) => change.says);
  return { dry_run: true, beads_dir: beadsDir, changes: says, backup };
}

interface Installed {
  beadsDir: string;
  env: Environment;
  clock: Clock;
  metadata: Metadata;
  config: Config;
  /** What the mirror holds. */
  issues: Buffer;
}

async function planUninstall(
  options: UninstallOptions,
): Promise<{ backup: string | null; changes: Change[] }> {
  const { beadsDir, env, purgesRemote, isForced, clock } = options;
  const metadata = readMetadata(beadsDir);
  const config = await openConfig(beadsDir, { env });
  const mirrorPath = join(beadsDir, metadata.jsonl_export);
  const issues = (await readIfThere(mirrorPath)) ?? Buffer.alloc(0);
  const installed = { beadsDir, env, clock, metadata, config, issues };
  const repository = findGitRepository(dirname(beadsDir));
  const footprint = readFootprint(beadsDir);
  const tracked = await readTracked(repository, installed);
  const files = planRemoval({ beadsDir, metadata, footprint, tracked });
  const purge = purgesRemote ? await planPurge(repository, installed) : undefined;
  const isPurged = purge?.make !== undefined;
  const keepsIssues = files.stays.has(metadata.jsonl_export);
  const count = keepsIssues ? 0 : await countOnlyHere(isPurged ? undefined : repository, installed);
  if (count > 0 && !isForced && !isPurged) throw refuseLoss(count);
  const nowMs = clock.nowMs();
  const backup = count === 0 ? undefined : planBackup({ beadsDir, issues, count, env, nowMs });
  const changes = [
    backup,
    purge,
    ...(await planRepository(repository, installed, footprint)),
    ...files.changes,
    isPurged ? undefined : await tellOfJoining(repository, installed),
  ];
  return { backup: backup?.path ?? null, changes: changes.filter((each) => each !== undefined) };
}

/** What the last commit has in `.beads`; nothing of the index is looked at. */
async function readTracked(
  repository: GitRepository | undefined,
  { beadsDir, env }: Installed,
): Promise<ReadonlyMap<string, Buffer>> {
  if (repository === undefined) return new Map();
  const blobs = await listCommitted(repository, beadsDir, { env });
  const contents = await createGitObjects(openSharedGit(repository, { env })).read([
    ...blobs.values(),
  ]);
  return new Map([...blobs.keys()].map((path, at) => [path, contents[at] ?? Buffer.alloc(0)]));
}

/** Issues, changed ones among them, that `repository` shares with nobody. */
async function countOnlyHere(
  repository: GitRepository | undefined,
  installed: Installed,
): Promise<number> {
  if (missingIn(Buffer.alloc(0), installed.issues).length === 0) return 0;
  return missingIn(await readShared(repository, installed), installed.issues).length;
}

/**
 * What the remote's branch holds, or held when it was fetched last where it cannot be asked now; empty
 * where there is none. Looked at from a copy of the repository, so that to look leaves no ref.
 */
async function readShared(
  repository: GitRepository | undefined,
  installed: Installed,
): Promise<Buffer> {
  const nothing = Buffer.alloc(0);
  if (repository === undefined) return nothing;
  await using borrowed = await borrowRepository(repository.commonDir);
  const branch = branchIn({ ...repository, commonDir: borrowed.gitDir }, installed);
  try {
    const remote = installed.config.truth('sync.push') ? await branch.remote() : undefined;
    if (remote !== undefined) await branch.fetch(remote, { timeoutMs: REMOTE_PATIENCE_MS });
    const { theirs } = await branch.tips();
    const snapshot = theirs === undefined ? undefined : await branch.snapshot(theirs);
    return snapshot === undefined ? nothing : await branch.readIssues(snapshot);
  } catch {
    // Another project's branch, say: what cannot be read shares nothing.
    return nothing;
  }
}

async function planPurge(
  repository: GitRepository | undefined,
  installed: Installed,
): Promise<Change> {
  if (repository === undefined) {
    throw new BdError('SYNC_FAILED', {
      message: 'nothing was removed: without git there is no remote',
      remedy: 'Leave --purge-remote out.',
    });
  }
  await using borrowed = await borrowRepository(repository.commonDir);
  const branch = branchIn({ ...repository, commonDir: borrowed.gitDir }, installed);
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
  repository: GitRepository | undefined,
  installed: Installed,
  footprint: ReturnType<typeof readFootprint>,
): Promise<(Change | undefined)[]> {
  if (repository === undefined) return [];
  const { beadsDir, env } = installed;
  const bytes = footprint?.exclude_bytes;
  return [
    await planRefs(repository, openSharedGit(repository, installed)),
    planUnexclude(repository, beadsDir, { bytes }),
    footprint?.merged === true ? undefined : await planUnmerge(repository, env),
  ];
}

async function planRefs({ commonDir }: GitRepository, git: Git): Promise<Change | undefined> {
  const format = '--format=%(refname) %(objectname)';
  const listing = await gitOutput(git, ['for-each-ref', format, 'refs/bd/']);
  if (listing === '' && !existsSync(join(commonDir, 'refs', 'bd'))) return undefined;
  const lines = listing.split('\n').filter((line) => line !== '');
  const refs = lines.map((line) => line.split(' '));
  return {
    says: `deleted ${refs.map(([name]) => name).join(', ') || 'refs/bd'}`,
    async make() {
      for (const ref of refs) await gitOutput(git, ['update-ref', '-d', ...ref]);
      // Git leaves its directories; a repository that keeps refs in other ways has none.
      for (const kept of ['refs', 'logs/refs'])
        await rmdir(join(commonDir, kept, 'bd')).catch(() => {});
    },
  };
}

/** Gone from here is not gone: a clone whose project is shared is joined by the first command in it. */
async function tellOfJoining(
  repository: GitRepository | undefined,
  installed: Installed,
): Promise<Change | undefined> {
  if (repository === undefined || installed.config.text('sync.mode') !== 'branch') return undefined;
  const shared = ['refs/bd/remote', `refs/remotes/*/${installed.config.text('sync.branch')}`];
  const args = ['for-each-ref', '--count=1', '--format=%(refname)', ...shared];
  if ((await gitOutput(openSharedGit(repository, installed), args)) === '') return undefined;
  return {
    says: 'left the issues on the remote: the next bd command here joins them, unless BEADS_NO_AUTO_INIT=1 is set',
  };
}

function branchIn(repository: GitRepository, installed: Installed): SyncBranch {
  return openBranch({ ...installed, repository, projectId: installed.metadata.project_id });
}

/** The classic tool's workspaces have no project id: those were not made here. */
function requireOurs(beadsDir: string): void {
  if (readMetadata(beadsDir).project_id !== '') return;
  throw new BdError('NO_WORKSPACE', {
    message: `\`bd init\` was not run in ${dirname(beadsDir)}, so there is nothing to take back`,
    remedy: 'Remove the directory yourself if you want to; it is another tool’s.',
  });
}
