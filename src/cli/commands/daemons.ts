import { BdError } from '../../core/errors.ts';
import type { CommandDefinition, FlagDefinition, Invocation } from '../command.ts';
import { renderDaemons, showHealth, LOG_FLAGS, printLog } from '../output/daemon-text.ts';
import { oneLine } from '../output/printable.ts';

const FORCE: FlagDefinition = ['--force', 'end the process of one that does not answer'];
/** Of classic clients: what to search for. Daemons are found without. */
const SEARCH: FlagDefinition = ['--search <paths>', ''];

export const daemonsCommand: CommandDefinition = {
  name: 'daemons',
  runsLocally: true,
  about: 'Manage all your daemons, of every workspace',
  subcommands: [
    {
      name: 'list',
      about: 'List them, and remove those that are gone from the list',
      flags: [['--no-cleanup', 'keep those that are gone'], SEARCH],
      run: list,
    },
    {
      name: 'health',
      about: 'Check each of them; exit code 1 when something is wrong',
      flags: [SEARCH],
      run: (invocation) => showHealth(invocation),
    },
    {
      name: 'stop',
      parameters: '<workspace-or-pid>',
      about: 'Stop a daemon',
      flags: [FORCE, SEARCH],
      run: stop,
    },
    {
      name: 'restart',
      parameters: '<workspace-or-pid>',
      about: 'Stop a daemon, then start it again',
      flags: [FORCE, SEARCH],
      run: restart,
    },
    {
      name: 'logs',
      parameters: '<workspace-or-pid>',
      about: 'Show the end of a daemon’s log',
      flags: [...LOG_FLAGS, SEARCH],
      run: showLog,
    },
    { name: 'killall', about: 'Stop all of them', flags: [FORCE, SEARCH], run: stopAll },
  ],
};

async function list({ services, flags, screen, print }: Invocation): Promise<void> {
  const daemons = await services.listDaemons({ keepsGone: flags.has('no-cleanup') });
  print({ json: daemons, text: renderDaemons(daemons, screen) });
}

async function stop(invocation: Invocation): Promise<void> {
  const { services, flags, confirm } = invocation;
  const how = { isForced: flags.has('force') };
  const stopped = await services.stopOne(target(invocation), how);
  const workspace = oneLine(stopped.workspace);
  const process = stopped.pid === undefined ? '' : ` (PID ${stopped.pid})`;
  const text = stopped.stopped
    ? `Stopped the daemon of ${workspace}${process}\n`
    : `No daemon runs for ${workspace}\n`;
  confirm({ json: stopped, text });
}

async function restart(invocation: Invocation): Promise<void> {
  const { services, flags, confirm } = invocation;
  const how = { isForced: flags.has('force') };
  const restarted = await services.restartOne(target(invocation), how);
  const { workspace, action, pid, version } = restarted;
  const text = `The daemon of ${oneLine(workspace)} was ${action} (PID ${pid}, version ${version})\n`;
  confirm({ json: restarted, text });
}

async function showLog(invocation: Invocation): Promise<void> {
  await printLog(invocation, await invocation.services.locateDaemon(target(invocation)));
}

async function stopAll({ services, flags, io, confirm }: Invocation): Promise<number> {
  const report = await services.stopAll({ isForced: flags.has('force') });
  const { stopped, failed, failures } = report;
  confirm({
    json: failed === 0 ? { stopped, failed } : report,
    text: `Stopped ${stopped} of ${stopped + failed}\n`,
  });
  for (const { error } of failures) io.stderr(`Error: ${oneLine(error)}\n`);
  return failed === 0 ? 0 : 1;
}

function target({ args: [target] }: Invocation): string {
  if (target !== undefined && target !== '') return target;
  throw new BdError('USAGE', {
    message: 'no daemon is named',
    remedy: 'Name the workspace’s directory or the PID; `bd daemons list` shows them.',
  });
}
