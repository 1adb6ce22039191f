import { BdError } from '../../core/errors.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import type { DaemonStatus } from '../../client/daemon-health.ts';
import { requireServices } from '../own-process.ts';
import { alignColumns } from '../output/columns.ts';
import { renderMoment } from '../output/moment.ts';
import type { Screen } from '../output/screen.ts';

export const daemonCommand: CommandDefinition = {
  name: 'daemon',
  about: 'The daemon of this workspace',
  flags: [
    ['--start', ''],
    ['--stop', ''],
    ['--status', ''],
  ],
  subcommands: [
    {
      name: 'start',
      about: 'Start it, unless it runs',
      flags: [['--foreground', 'run it here, until told to stop']],
      run: (invocation) => (invocation.flags.has('foreground') ? serve : start)(invocation),
    },
    { name: 'stop', about: 'Stop it', run: stop },
    {
      name: 'reload',
      about: 'Replace it by one of this version, when it has finished',
      run: reload,
    },
    { name: 'status', about: 'Show whether it runs', run: showStatus },
    { name: 'run', about: 'Run it here, until told to stop', run: serve },
  ],
  run: runClassic,
};

/** The classic spelling, by flag. */
function runClassic(invocation: Invocation): Promise<number | void> {
  const { flags } = invocation;
  if (flags.has('start')) return start(invocation);
  if (flags.has('stop')) return stop(invocation);
  if (flags.has('status')) return showStatus(invocation);
  throw new BdError('USAGE', {
    message: 'bd daemon needs a subcommand',
    remedy: 'Use `bd daemon start`, `stop`, `status` or `run`.',
  });
}

async function start({ services, confirm }: Invocation): Promise<void> {
  const started = await requireServices(services, 'daemon').startDaemon();
  const { pid, version, alreadyRunning } = started;
  confirm({
    json: { status: alreadyRunning ? 'already_running' : 'started', pid, version },
    text: alreadyRunning
      ? `Daemon already running (PID ${pid}, version ${version})\n`
      : `Daemon started (PID ${pid}, version ${version})\n`,
  });
}

async function stop({ services, confirm }: Invocation): Promise<void> {
  const { stopped, pid } = await requireServices(services, 'daemon').stopDaemon();
  confirm({
    json: pid === undefined ? { stopped } : { stopped, pid },
    text: stopped
      ? `Daemon stopped${pid === undefined ? '' : ` (PID ${pid})`}\n`
      : 'No daemon runs here\n',
  });
}

async function reload({ services, confirm }: Invocation): Promise<void> {
  const { pid, version, previous } = await requireServices(services, 'daemon').reloadDaemon();
  const was =
    previous === undefined ? '' : `, was PID ${previous.pid}, version ${previous.version}`;
  confirm({
    json: { status: 'reloaded', pid, version, previous: previous ?? null },
    text: `Daemon reloaded (PID ${pid}, version ${version}${was})\n`,
  });
}

async function showStatus({ services, screen, print }: Invocation): Promise<void> {
  const status = await requireServices(services, 'daemon').daemonStatus();
  print({ json: status, text: renderDaemonStatus(status, screen) });
}

function serve({ services }: Invocation): Promise<number> {
  return requireServices(services, 'daemon').runDaemon();
}

function renderDaemonStatus(status: DaemonStatus, screen: Screen): string {
  const { memory_bytes: memory, connections } = status;
  const rows: (readonly [string, string | undefined])[] = [
    ['Daemon:', status.status.replace('_', ' ')],
    ['Problem:', status.issue],
    ['Workspace:', status.workspace],
    ['PID:', status.pid?.toString()],
    ['Version:', status.version],
    ['Started:', status.started === undefined ? undefined : renderMoment(status.started)],
    ['Memory:', memory === undefined ? undefined : `${Math.round(memory / 1_048_576)} MB`],
    ['Connections:', connections?.toString()],
    ['Socket:', status.socket_path],
    ['Log:', status.log_path],
  ];
  return alignColumns(
    rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    { ...screen, width: undefined },
  );
}
