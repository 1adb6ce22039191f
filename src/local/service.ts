import { execFile } from 'node:child_process';
import { mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ServiceReport, SystemServices } from '../cli/local-services.ts';
import { stopDaemonsOf } from '../client/stop-daemon.ts';
import { BdError } from '../core/errors.ts';
import { SERVICE_MANAGER_TIMEOUT_MS } from '../core/limits.ts';
import { shellWord } from '../core/shell-word.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Environment } from '../platform/environment.ts';
import { readTextIfThere, writeFileAtomically } from '../platform/files.ts';
import { userId } from '../platform/owner.ts';
import { findHere, type ClientHost } from './client-host.ts';
import { describeService, SERVICE_MARK, type ServiceFile } from './service-file.ts';

export function createServiceInstaller(host: ClientHost): SystemServices {
  const { env } = host;
  return {
    async installService() {
      const place = findHere(host);
      const file = requireService(place, host);
      // With the workspace taken, the service's daemon would end at once.
      await stopDaemonsOf(place, { env });
      return await install(file, env);
    },
    uninstallService: async () => await uninstall(requireService(findHere(host), host), env),
    async serviceStatus() {
      const file = requireService(findHere(host), host);
      const installed = readOwn(file.path) !== undefined;
      const asked = installed ? await runManager([commandsFor(file).ask], env) : undefined;
      return { installed, running: asked?.left.length === 0, path: file.path };
    },
  };
}

/** For the removal of a workspace; undefined when it has no service. */
export async function removeService(
  place: WorkspacePlace,
  host: ClientHost,
): Promise<ServiceReport | undefined> {
  const service = serviceOf(place, host);
  return service && (await uninstall(service, host.env));
}

/** The service of a workspace, installed or not; undefined where bd knows no service manager. */
function serviceOf({ beadsDir }: WorkspacePlace, { program, env, cliFile }: ClientHost) {
  const path = env['PATH'] ?? '/usr/bin:/bin';
  const wish = { beadsDir, program: [program.execPath, cliFile] as const, path };
  return describeService(wish, { platform: process.platform, env });
}

function requireService(place: WorkspacePlace, host: ClientHost): ServiceFile {
  const service = serviceOf(place, host);
  if (service !== undefined) return service;
  throw new BdError('USAGE', {
    message: `bd knows no service manager on ${process.platform}`,
    remedy: 'Have yours run `bd daemon run --stay` in the project.',
  });
}

/** The file notes the first directory that was created for it, so that uninstalling can remove it. */
const MADE = /bd made: (.+?)(?: -->)?$/m;

async function install(file: ServiceFile, env: Environment): Promise<ServiceReport> {
  const present = readOwn(file.path);
  const made =
    present === undefined
      ? await mkdir(dirname(file.path), { recursive: true })
      : MADE.exec(present)?.[1];
  const content = made === undefined ? file.content : withNote(file, `bd made: ${made}`);
  await writeFileAtomically(file.path, content);
  return { path: file.path, content, ...(await runManager(commandsFor(file).start, env)) };
}

/** Undefined when there is none. */
async function uninstall(file: ServiceFile, env: Environment): Promise<ServiceReport | undefined> {
  const present = readOwn(file.path);
  if (present === undefined) return undefined;
  const { stop, forget } = commandsFor(file);
  const stopped = await runManager(stop, env);
  await rm(file.path, { force: true });
  await removeEmpty(dirname(file.path), MADE.exec(present)?.[1]);
  const forgotten = await runManager(forget, env);
  const left = [...stopped.left, ...forgotten.left];
  return { path: file.path, content: present, left, reason: stopped.reason ?? forgotten.reason };
}

/** Undefined when there is none; throws when bd did not make it. */
function readOwn(path: string): string | undefined {
  const text = readTextIfThere(path);
  if (text === '') return undefined;
  if (text.includes(SERVICE_MARK)) return text;
  throw new BdError('FILE_UNUSABLE', {
    message: `${path} was not made by bd`,
    remedy: 'Move it away, then run the command again.',
  });
}

/** Adds a comment below the first one. */
function withNote({ manager, content }: ServiceFile, note: string): string {
  const lines = content.split('\n');
  const at = lines.findIndex((line) => line.includes(SERVICE_MARK)) + 1;
  lines.splice(at, 0, manager === 'systemd' ? `# ${note}` : `<!-- ${note} -->`);
  return lines.join('\n');
}

/** Removes empty directories from `directory` up to the first that was created. */
async function removeEmpty(directory: string, firstMade: string | undefined): Promise<void> {
  if (firstMade === undefined || !`${directory}/`.startsWith(`${firstMade}/`)) return;
  for (let at = directory; at.length >= firstMade.length; at = dirname(at)) {
    try {
      await rmdir(at);
    } catch {
      return;
    }
  }
}

/** The service manager's commands; `stop` before the file is removed, `forget` after it. */
function commandsFor({ manager, name, path }: ServiceFile) {
  if (manager === 'launchd') {
    const domain = `gui/${userId()}`;
    return {
      start: [['launchctl', 'bootstrap', domain, path]],
      stop: [['launchctl', 'bootout', `${domain}/${name}`]],
      forget: [],
      ask: ['launchctl', 'print', `${domain}/${name}`],
    };
  }
  const systemctl = (...words: string[]): string[] => ['systemctl', '--user', ...words];
  return {
    start: [systemctl('daemon-reload'), systemctl('enable', '--now', name)],
    stop: [systemctl('disable', '--now', name)],
    forget: [systemctl('daemon-reload')],
    ask: systemctl('is-active', '--quiet', name),
  };
}

/** Runs the commands in order up to the first that fails; the rest is `left`. */
async function runManager(
  commands: readonly (readonly string[])[],
  env: Environment,
): Promise<Pick<ServiceReport, 'left' | 'reason'>> {
  for (const [index, command] of commands.entries()) {
    const reason = await run(command, env);
    if (reason === null) continue;
    const left = commands.slice(index).map((words) => words.map(shellWord).join(' '));
    return { left, reason };
  }
  return { left: [], reason: null };
}

/** Why the command failed; null when it succeeded. */
function run([program = '', ...args]: readonly string[], env: Environment): Promise<string | null> {
  const options = { env, timeout: SERVICE_MANAGER_TIMEOUT_MS };
  return new Promise((done) => {
    execFile(program, args, options, (error, _stdout, stderr) => {
      if (error === null) done(null);
      else if (error.code === 'ENOENT') done(`there is no ${program} here`);
      else done(stderr.trim().split('\n')[0] || error.message.trim());
    });
  });
}
