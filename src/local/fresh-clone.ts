import { relative } from 'node:path';
import type { CommandIo } from '../cli/command-io.ts';
import { refusesJoining, selectDirectEnvironment } from '../client/client-environment.ts';
import { BdError, toBdError, type ErrorCode } from '../core/errors.ts';
import { WORKSPACE_WAIT_MS } from '../core/limits.ts';
import { findWorkspace } from '../place/find-workspace.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import { systemClock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import type { InitReport } from '../workspace/init/initialise.ts';
import type { SharedIssues } from '../workspace/init/shared-issues.ts';
import type { ClientHost } from './client-host.ts';
import { makeWorkspace } from './workspace-services.ts';

/** How long to wait at a time for another process that creates the workspace. */
const LOOK_MS = 250;

/**
 * Joins the issues of a clone that has no workspace yet, before a command runs. False when there is no
 * workspace and none can be created.
 */
export async function prepareWorkspace(io: CommandIo, host: ClientHost): Promise<boolean> {
  const { env, cwd, databaseFlag } = host;
  const isNamed = [databaseFlag, env['BEADS_DB'], env['BEADS_DIR']].some(Boolean);
  const found = findWorkspace({ cwd, env, databaseFlag });
  if (isNamed || refusesJoining(env)) return found !== undefined;
  if (found === undefined) return await joinFreshClone(io, env);
  await adoptClassicWorkspace(found, io, env);
  return true;
}

/**
 * In a repository whose issues were not joined here, does what `bd init` would, and says so. False when
 * it has no issues; throws `NO_WORKSPACE` with the reason when they cannot be fetched.
 */
async function joinFreshClone(io: CommandIo, env: Environment): Promise<boolean> {
  const { findSharedIssues } = await import('../workspace/init/shared-issues.ts');
  try {
    const shared = await findSharedIssues(io.cwd, {
      env: selectDirectEnvironment(env),
      clock: systemClock,
    });
    if (shared === undefined) return false;
    await makeAndReport(shared, io, env);
    return true;
  } catch (error) {
    throw notJoined(toBdError(error));
  }
}

/** Opens a classic workspace that git tracks in the mode in which people commit the file. */
async function adoptClassicWorkspace(
  place: WorkspacePlace,
  io: CommandIo,
  env: Environment,
): Promise<void> {
  const { readMetadata } = await import('../workspace/config/metadata.ts');
  if (readMetadata(place).project_id !== '') return;
  const { findTrackedIssues } = await import('../workspace/init/shared-issues.ts');
  try {
    const shared = await findTrackedIssues(place.projectDir, { env: selectDirectEnvironment(env) });
    if (shared !== undefined) await makeAndReport(shared, io, env);
  } catch (error) {
    // The issues are usable anyway; `bd init` reports the problem again.
    io.stderr(`Warning: ${toBdError(error).message}\n`);
  }
}

/** Of several first commands at once, one creates the workspace and the others wait for it. */
async function makeAndReport(
  { directory, file, prefix }: SharedIssues,
  io: CommandIo,
  env: Environment,
): Promise<void> {
  const request = { isLocal: false, skipsMergeDriver: false, prefix };
  const endMs = performance.now() + WORKSPACE_WAIT_MS;
  for (;;) {
    try {
      const made = await makeWorkspace(request, { cwd: directory, env }, { waitMs: LOOK_MS });
      return report(made, file, io);
    } catch (error) {
      const { code } = toBdError(error);
      if (code === 'ALREADY_EXISTS') return;
      if (code !== 'LOCK_UNAVAILABLE' || performance.now() >= endMs) throw error;
    }
  }
}

function report(made: InitReport, file: string | undefined, io: CommandIo): void {
  const count = made.issue_count === 1 ? '1 issue' : `${made.issue_count} issues`;
  const place = relative(io.cwd, made.beads_dir);
  io.stderr(
    file === undefined
      ? `joined the issues of this repository's beads-sync (${count}) in ${place}\n`
      : `opened the issues that git tracks in ${file} (${count}): you commit them; \`bd migrate --to branch\` leaves that to bd\n`,
  );
  if (made.warning !== null) io.stderr(`Warning: ${made.warning}\n`);
}

/** The remote cannot be reached, so `bd init` would fail too. */
const UNREACHABLE: ReadonlySet<ErrorCode> = new Set([
  'NO_WORKSPACE',
  'SYNC_FAILED',
  'SYNC_BLOCKED',
  'GIT_TIMED_OUT',
]);

function notJoined({ code, message, remedy, cause }: BdError): BdError {
  const isUnreachable = UNREACHABLE.has(code);
  return new BdError('NO_WORKSPACE', {
    message: `no beads database found: ${message}`,
    remedy: isUnreachable ? remedy : `${remedy} Or run \`bd init\` yourself.`,
    cause,
  });
}
