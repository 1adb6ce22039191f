import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { checkCrash, checkDaemon } from '../client/checkup/daemon.ts';
import { checkRegistry, checkRuntimeDirectory, checkSocketLink } from '../client/checkup/places.ts';
import { selectDirectEnvironment } from '../client/client-environment.ts';
import { probeDaemon } from '../client/probe-daemon.ts';
import { BdError } from '../core/errors.ts';
import type { Finding } from '../core/finding.ts';
import { VERSION } from '../core/version.ts';
import { systemClock } from '../platform/clock.ts';
import { openPlace } from '../place/workspace-place.ts';
import { findHere, type ClientHost } from './client-host.ts';
import { describeDaemon } from './describe-daemon.ts';

/** `bd doctor --json` as it is. */
export interface DoctorReport {
  /** The project directory. */
  path: string;
  checks: Finding[];
  overall_ok: boolean;
  cli_version: string;
  platform: string;
}

/** Looks at everything that can be wrong, and touches nothing; `directory` is looked from. */
export async function examine(host: ClientHost, directory?: string): Promise<DoctorReport> {
  const { env } = host;
  const cwd = directory === undefined ? host.cwd : resolve(host.cwd, directory);
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) throw noDirectory(cwd);
  const beadsDir = findHere({ ...host, cwd });
  const { checkWorkspace } = await import('../workspace/checkup/checkup.ts');
  const probe = await probeDaemon(beadsDir);
  const checks = [
    ...(await checkWorkspace(openPlace(beadsDir), {
      env: selectDirectEnvironment(env),
      nowMs: systemClock.nowMs(),
      sync: probe.kind === 'answered' ? probe.status.sync : undefined,
    })),
    checkDaemon(beadsDir, await describeDaemon(beadsDir, probe, { env })),
    checkCrash(beadsDir),
    checkSocketLink(beadsDir),
    checkRuntimeDirectory(env),
    await checkRegistry(env),
  ];
  return {
    path: dirname(beadsDir),
    checks,
    overall_ok: checks.every((check) => check.status === 'ok'),
    cli_version: VERSION,
    platform: `${process.platform}/${process.arch}`,
  };
}

function noDirectory(path: string): BdError {
  return new BdError('USAGE', {
    message: `${path} is no directory`,
    remedy: 'Name a project’s directory, or leave it out to look at this one.',
  });
}
