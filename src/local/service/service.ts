import { mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BdError } from '../../core/errors.ts';
import type { Environment } from '../../platform/environment.ts';
import { readTextIfThere, writeFileAtomically } from '../../platform/files.ts';
import { SERVICE_MARK, type ServiceFile } from './service-file.ts';
import { commandsFor, tellManager } from './service-manager.ts';

/** What was done, and what is left to the person where the manager could not be told. */
export interface ServiceReport {
  path: string;
  /** The file as it was written, or as it was. */
  content: string;
  /** Commands to run. */
  left: string[];
  /** Why they were not run; null when none is left. */
  reason: string | null;
}

export interface ServiceStatus {
  installed: boolean;
  running: boolean;
  path: string;
}

/** Directories that were made for the file stand in it, so that they can go with it. */
const MADE = /bd made: (.+?)(?: -->)?$/m;

export async function installService(file: ServiceFile, env: Environment): Promise<ServiceReport> {
  const present = readOwn(file.path);
  const made =
    present === undefined
      ? await mkdir(dirname(file.path), { recursive: true })
      : MADE.exec(present)?.[1];
  const content = made === undefined ? file.content : withNote(file, `bd made: ${made}`);
  await writeFileAtomically(file.path, content);
  return report(file, content, await tellManager(commandsFor(file).start, env));
}

/** Undefined when there is none. */
export async function uninstallService(
  file: ServiceFile,
  env: Environment,
): Promise<ServiceReport | undefined> {
  const present = readOwn(file.path);
  if (present === undefined) return undefined;
  const { stop, forget } = commandsFor(file);
  const stopped = await tellManager(stop, env);
  await rm(file.path, { force: true });
  await removeEmpty(dirname(file.path), MADE.exec(present)?.[1]);
  const forgotten = await tellManager(forget, env);
  const reason = stopped.reason ?? forgotten.reason;
  const left = [...stopped.left, ...forgotten.left];
  return report(file, present, reason === undefined ? { left } : { left, reason });
}

export async function readServiceStatus(
  file: ServiceFile,
  env: Environment,
): Promise<ServiceStatus> {
  const installed = readOwn(file.path) !== undefined;
  const running = installed && (await tellManager([commandsFor(file).ask], env)).left.length === 0;
  return { installed, running, path: file.path };
}

/** Undefined when there is none; throws when it is somebody else's. */
function readOwn(path: string): string | undefined {
  const text = readTextIfThere(path);
  if (text === '') return undefined;
  if (text.includes(SERVICE_MARK)) return text;
  throw new BdError('FILE_UNUSABLE', {
    message: `${path} was not made by bd`,
    remedy: 'Move it away, then run the command again.',
  });
}

/** In a comment, below the first one. */
function withNote({ manager, content }: ServiceFile, note: string): string {
  const lines = content.split('\n');
  const at = lines.findIndex((line) => line.includes(SERVICE_MARK)) + 1;
  lines.splice(at, 0, manager === 'systemd' ? `# ${note}` : `<!-- ${note} -->`);
  return lines.join('\n');
}

/** From `directory` up to the first that was made; what has something else in it by now stays. */
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

function report(
  { path }: ServiceFile,
  content: string,
  { left, reason }: { left: string[]; reason?: string },
): ServiceReport {
  return { path, content, left, reason: reason ?? null };
}
