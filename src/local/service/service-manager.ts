import { execFile } from 'node:child_process';
import { SERVICE_MANAGER_TIMEOUT_MS } from '../../core/limits.ts';
import { shellWord } from '../../core/shell-word.ts';
import type { Environment } from '../../platform/environment.ts';
import { userId } from '../../platform/owner.ts';
import type { ServiceFile } from './service-file.ts';

/** What a service manager is to be told, as commands. */
export interface ManagerCommands {
  start: string[][];
  /** Before the file is taken away, and after it. */
  stop: string[][];
  forget: string[][];
  ask: string[];
}

export function commandsFor({ manager, name, path }: ServiceFile): ManagerCommands {
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

/** Runs them in order up to the first that fails; says why, and what is left to be run. */
export async function tellManager(
  commands: readonly (readonly string[])[],
  env: Environment,
): Promise<{ left: string[]; reason?: string }> {
  for (const [index, command] of commands.entries()) {
    const reason = await run(command, env);
    if (reason === undefined) continue;
    const left = commands.slice(index).map((words) => words.map(shellWord).join(' '));
    return { left, reason };
  }
  return { left: [] };
}

/** Why it failed; undefined when it did not. */
function run(
  [program = '', ...args]: readonly string[],
  env: Environment,
): Promise<string | undefined> {
  return new Promise((done) => {
    execFile(
      program,
      args,
      { env, timeout: SERVICE_MANAGER_TIMEOUT_MS },
      (error, _stdout, stderr) => {
        if (error === null) done(undefined);
        else if (error.code === 'ENOENT') done(`there is no ${program} here`);
        else done(stderr.trim().split('\n')[0] || error.message.trim());
      },
    );
  });
}
