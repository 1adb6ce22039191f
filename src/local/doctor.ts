import { existsSync, lstatSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { DoctorReport } from '../cli/local-services.ts';
import { selectDirectEnvironment } from '../client/client-environment.ts';
import { readCrashReport } from '../client/crash-report.ts';
import { lookAtDaemon, mendingCommand, type DaemonHealth } from '../client/daemon-health.ts';
import { LOCAL_COMMAND_REASON } from '../client/handover.ts';
import { readLastStart } from '../client/daemon-notes.ts';
import { inspectRegistry, registryPath } from '../client/registry.ts';
import { BdError } from '../core/errors.ts';
import { findings, ok, problem, type Verdict } from '../core/finding.ts';
import { shellWord } from '../core/shell-word.ts';
import { VERSION } from '../core/version.ts';
import { findRefusedDirectories } from '../place/runtime-directory.ts';
import { resolveSocket } from '../place/socket-link.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import { systemClock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { findHere, type ClientHost } from './client-host.ts';
import { findDaemonRefusal } from './start-daemon.ts';

/** Checks the installation and the workspace of `directory`, by default of the current one; changes nothing. */
export async function examine(host: ClientHost, directory?: string): Promise<DoctorReport> {
  const { env } = host;
  const cwd = directory === undefined ? host.cwd : resolve(host.cwd, directory);
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) throw noDirectory(cwd);
  const place = findHere({ ...host, cwd });
  const { checkWorkspace } = await import('../workspace/checkup/checkup.ts');
  const daemon = await lookAtDaemon(place);
  const checks = [
    ...(await checkWorkspace(place, {
      env: selectDirectEnvironment(env),
      nowMs: systemClock.nowMs(),
      sync: daemon.answer?.sync,
    })),
    ...findings('Daemon', {
      Daemon: await checkDaemon(place, daemon, env),
      Crashes: checkCrash(place),
      Socket: checkSocketLink(place),
      'Runtime directory': checkRuntimeDirectory(env),
      Registry: await checkRegistry(env),
      Client: checkClient(host),
    }),
  ];
  return {
    path: place.projectDir,
    checks,
    overall_ok: checks.every((check) => check.status === 'ok'),
    cli_version: VERSION,
    platform: `${process.platform}/${process.arch}`,
  };
}

/** A workspace without a running daemon is fine: the next command starts one, unless it is turned off. */
async function checkDaemon(
  place: WorkspacePlace,
  daemon: DaemonHealth,
  env: Environment,
): Promise<Verdict> {
  const { state, pid, issue = '', answer } = daemon;
  const fix = mendingCommand(daemon);
  switch (state) {
    case 'healthy':
      return ok(`running (PID ${pid}, version ${answer?.version})`);
    case 'mismatched':
      return problem('warning', issue, { fix });
    case 'unresponsive':
    case 'orphan':
      return problem('error', pid === undefined ? issue : `${issue} (process ${pid})`, { fix });
    case 'stale':
    case 'absent': {
      const failed = readLastStart(place)?.error;
      if (failed === undefined) {
        const why = daemon.issue ?? (await findDaemonRefusal(place, env))?.reason;
        return ok(why ?? 'not running; the next command starts it');
      }
      return problem('warning', `the last start failed: ${failed.message}`, {
        detail: failed.remedy,
        fix: 'bd daemon start',
      });
    }
    default:
      return state satisfies never;
  }
}

function checkCrash(place: WorkspacePlace): Verdict {
  const crash = readCrashReport(place);
  if (crash === undefined) return ok('none');
  const { crashFile } = place;
  const { version, at, message } = crash;
  return problem('warning', `a daemon of version ${version} crashed at ${at}: ${message}`, {
    detail: `Nothing that was acknowledged is lost. Please report it with ${crashFile}, then remove that file.`,
    fix: `rm ${shellWord(crashFile)}`,
  });
}

/** A repository may contain a link to somewhere else. */
function checkSocketLink(place: WorkspacePlace): Verdict {
  const { socketLink: path } = place;
  const found = lstatSync(path, { throwIfNoEntry: false });
  const fix = `${found?.isDirectory() === true ? 'rm -r' : 'rm'} ${shellWord(path)}`;
  if (found?.isSocket() === true) {
    const message = `${path} is not a link, so bd did not make it and does not use it`;
    return problem('warning', message, { fix });
  }
  const resolved = resolveSocket(place);
  switch (resolved.kind) {
    case 'socket':
      return ok(resolved.path);
    case 'absent':
      return ok('none; a daemon creates it when it starts');
    case 'untrusted':
      return problem('warning', `${path} ${resolved.problem}, and is not used`, { fix });
    default:
      return resolved satisfies never;
  }
}

/** For sockets: a directory that other users can enter is not used. */
function checkRuntimeDirectory(env: Environment): Verdict {
  const [refused] = findRefusedDirectories(env);
  if (refused === undefined) return ok('yours alone');
  const { directory, reason, isOurs } = refused;
  const fix = isOurs ? `chmod 700 ${shellWord(directory)}` : undefined;
  return problem('warning', `${directory} ${reason}`, { fix });
}

/** The list of daemons; no decision is made from it. */
async function checkRegistry(env: Environment): Promise<Verdict> {
  const path = registryPath(env);
  const { problem: found } = await inspectRegistry(path);
  if (found === undefined) return ok('readable');
  return problem('warning', `${path} cannot be used: ${found}`, {
    detail: 'Daemons work without it, and rewrite it.',
    fix: `rm -r ${shellWord(path ?? '')}`,
  });
}

/** Which program runs other commands here; both do the same. */
function checkClient({ handover, env, cliFile }: ClientHost): Verdict {
  const system = `${process.platform}-${process.arch}`;
  const native = resolve(dirname(cliFile), '../native', system, 'bd');
  if (handover?.reason === LOCAL_COMMAND_REASON) return ok(`native, ${native}`);
  if (handover !== undefined) return ok(`Node, as ${handover.reason}`);
  if (env['BD_CLIENT'] === 'node') return ok('Node, as BD_CLIENT is set');
  return existsSync(native)
    ? ok('Node, as it was called directly')
    : ok(`Node, as no native client was built for ${system}`);
}

function noDirectory(path: string): BdError {
  return new BdError('USAGE', {
    message: `${path} is not a directory`,
    remedy: 'Name a project’s directory, or leave it out to check this one.',
  });
}
