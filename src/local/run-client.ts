import type { CommandIo } from '../cli/command-io.ts';
import { daemonRefusedBy, selectCommandEnvironment } from '../client/client-environment.ts';
import { isLocal, mayJoin, readCommandLine, type CommandLine } from '../client/command-line.ts';
import type { Ensured } from '../client/ensure-daemon.ts';
import { connect, type Connected, type ConnectOutcome } from '../client/connect.ts';
import { forwardCommand, newCommandKey, type Forwarded } from '../client/forward-command.ts';
import { explainFailure } from '../client/handover.ts';
import { COMMAND_REPEATS_MAX } from '../core/limits.ts';
import { findWorkspace, lacksProject } from '../place/find-workspace.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { StdinPiece } from '../protocol/daemon-methods.ts';
import type { ClientHost } from './client-host.ts';

/** What the client uses of its process. */
export interface ClientProcess extends ClientHost {
  /** When the command began, on the clock of `performance.now()`. */
  sinceMs: number;
  openStdin(): Input;
  /** Ends the process when its output cannot be written. */
  watchStdout(): void;
}

/** Standard input, piece by piece. */
export interface Input {
  read(): Promise<StdinPiece>;
  close(): void;
}

interface Command {
  argv: readonly string[];
  line: CommandLine;
  io: CommandIo;
  host: ClientProcess;
}

/**
 * What almost every call does: find the socket, send the command line, print the output. Everything else is
 * behind import(), as loading a module costs every call.
 */
export async function runClient(
  argv: readonly string[],
  io: CommandIo,
  host: ClientProcess,
): Promise<number> {
  const command: Command = { argv, line: readCommandLine(argv), io, host };
  if (isLocal(command.line)) return await runHere(command);
  const place = findWorkspace(host) ?? ((await prepare(command)) ? findWorkspace(host) : undefined);
  if (place === undefined) return await runHere(command);
  const failure = host.handover?.failure;
  if (failure !== undefined) throw explainFailure(failure, { argv, daemon: nameDaemon(place) });
  const connection = await connect(place);
  if (connection.kind === 'absent' && lacksProject(place)) await prepare(command);
  return await runThere(place, connection, command);
}

/** Runs the command in the daemon, or in this process when none can be reached. */
async function runThere(
  place: WorkspacePlace,
  connection: ConnectOutcome,
  command: Command,
): Promise<number> {
  const { argv, line, io, host } = command;
  const { key = newCommandKey() } = { ...host.handover };
  let attempts = host.handover?.key === undefined ? 0 : 1;
  let reached = await reach(place, connection, command);
  while (reached.kind === 'connected' && attempts <= COMMAND_REPEATS_MAX) {
    const forwarded = await forward(reached, { place, key }, command);
    if (forwarded.kind === 'done') return forwarded.exitCode;
    attempts += 1;
    reached = await reach(place, await connect(place), command);
  }
  if (reached.kind === 'connected') reached.socket.destroy();
  host.watchStdout();
  const { runDirectly } = await import('./run-directly.ts');
  return await runDirectly(argv, io, {
    place,
    env: host.env,
    lockTimeout: line.lockTimeout,
    // A failure that another command met before was reported by that one.
    failure: reached.kind === 'failed' ? reached.error : undefined,
    // A daemon that has ended may have done it.
    key: attempts === 0 ? undefined : key,
  });
}

/** For a command that found no daemon; returns whether there is a workspace now. */
async function prepare({ line, io, host }: Command): Promise<boolean> {
  if (!mayJoin(line)) return false;
  const { isCommandName } = await import('../cli/program.ts');
  if (!isCommandName(line.command ?? '')) return false;
  const { prepareWorkspace } = await import('./fresh-clone.ts');
  return await prepareWorkspace(io, host);
}

/** The daemon that was found, or one that is started if that is wanted and allowed. */
async function reach(
  place: WorkspacePlace,
  found: ConnectOutcome,
  { line, host: { env, program, sinceMs, handover } }: Command,
): Promise<Ensured | { kind: 'refused' }> {
  if (found.kind === 'connected' || found.kind === 'forbidden') return found;
  const mayStart = !line.refusesDaemon && daemonRefusedBy(env) === undefined;
  if (!mayStart) return { kind: 'refused' };
  const { reachDaemon } = await import('./start-daemon.ts');
  const { busyMs } = handover ?? {};
  return await reachDaemon(
    { place, program, env },
    busyMs === undefined ? { sinceMs } : { sinceMs: sinceMs - busyMs, foundBusy: true },
  );
}

async function forward(
  { socket }: Connected,
  { place, key }: { place: WorkspacePlace; key: string },
  { argv, io, host }: Command,
): Promise<Forwarded> {
  const stdin = host.openStdin();
  try {
    const forwarding = forwardCommand(
      socket,
      {
        argv: [...argv],
        cwd: io.cwd,
        env: selectCommandEnvironment(host.env),
        stdout_tty: io.stdoutIsTty,
        columns: io.columns,
        key,
      },
      {
        streams: { ...io, readStdin: () => stdin.read() },
        daemon: nameDaemon(place),
      },
    );
    // While the daemon works.
    host.watchStdout();
    return await forwarding;
  } finally {
    stdin.close();
  }
}

function nameDaemon(place: WorkspacePlace): string {
  return `the daemon of ${place.beadsDir} (process ${place.readPid() ?? 'unknown'})`;
}

async function runHere({ argv, io, host }: Command): Promise<number> {
  host.watchStdout();
  const { runLocally } = await import('./run-locally.ts');
  return await runLocally(argv, io, host);
}
