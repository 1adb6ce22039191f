import { dirname, relative } from 'node:path';
import { selectDirectEnvironment } from '../client/client-environment.ts';
import { BdError, toBdError, type ErrorCode } from '../core/errors.ts';
import { WORKSPACE_WAIT_MS } from '../core/limits.ts';
import { systemClock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { openPlace } from '../place/workspace-place.ts';
import type { InitReport } from '../workspace/init/initialise.ts';
import type { SharedIssues } from '../workspace/init/shared-issues.ts';
import type { CommandIo } from '../cli/command-io.ts';
import type { InitRequest } from '../cli/local-services.ts';

interface Joining {
  env: Environment;
  /** As `bd init` does; throws `LOCK_UNAVAILABLE` when another process is at it for longer than that. */
  make: (directory: string, request: InitRequest, waitMs: number) => Promise<InitReport>;
}

/** How long one look at another process lasts that makes the workspace. */
const LOOK_MS = 250;

/**
 * In a repository whose issues nobody has joined here, does what `bd init` would, and says so. False when
 * it has none; throws `NO_WORKSPACE` with the reason when they cannot be had.
 */
export async function joinFreshClone(io: CommandIo, joining: Joining): Promise<boolean> {
  const env = selectDirectEnvironment(joining.env);
  const { findSharedIssues } = await import('../workspace/init/shared-issues.ts');
  try {
    const shared = await findSharedIssues(io.cwd, { env, clock: systemClock });
    if (shared === undefined) return false;
    await makeAndTell(shared, io, joining);
    return true;
  } catch (error) {
    throw notJoined(toBdError(error));
  }
}

/** A classic workspace that git tracks is opened as one that its people commit. */
export async function adoptClassicWorkspace(
  beadsDir: string,
  io: CommandIo,
  joining: Joining,
): Promise<void> {
  const { readMetadata } = await import('../workspace/config/metadata.ts');
  if (readMetadata(openPlace(beadsDir)).project_id !== '') return;
  const env = selectDirectEnvironment(joining.env);
  const { findTrackedIssues } = await import('../workspace/init/shared-issues.ts');
  try {
    const shared = await findTrackedIssues(dirname(beadsDir), { env });
    if (shared !== undefined) await makeAndTell(shared, io, joining);
  } catch (error) {
    // The issues can be worked with nevertheless; what is wrong shows again with `bd init`.
    io.stderr(`Warning: ${toBdError(error).message}\n`);
  }
}

/** Of several first commands at once one makes the workspace, and the others wait until it is there. */
async function makeAndTell(shared: SharedIssues, io: CommandIo, { make }: Joining): Promise<void> {
  const { directory, file, prefix } = shared;
  const request = {
    isLocal: false,
    skipsMergeDriver: false,
    ...(prefix === undefined ? {} : { prefix }),
  };
  const endMs = performance.now() + WORKSPACE_WAIT_MS;
  for (;;) {
    try {
      const report = await make(directory, request, LOOK_MS);
      return tell(report, file, io);
    } catch (error) {
      const { code } = toBdError(error);
      if (code === 'ALREADY_EXISTS') return;
      if (code !== 'LOCK_UNAVAILABLE' || performance.now() >= endMs) throw error;
    }
  }
}

function tell(report: InitReport, file: string | undefined, io: CommandIo): void {
  const count = report.issue_count === 1 ? '1 issue' : `${report.issue_count} issues`;
  const place = relative(io.cwd, report.beads_dir);
  io.stderr(
    file === undefined
      ? `joined the issues of this repository's beads-sync (${count}) in ${place}\n`
      : `opened the issues that git tracks in ${file} (${count}): you commit them; \`bd migrate --to branch\` leaves that to bd\n`,
  );
  if (report.warning !== null) io.stderr(`Warning: ${report.warning}\n`);
}

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
