import { durationMs } from '../../core/duration.ts';
import { BdError } from '../../core/errors.ts';
import { HOLD_MAX_MS } from '../../core/limits.ts';
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
    {
      name: 'stop',
      about: 'Stop it; the next command starts it again',
      flags: [['--hold <duration>', 'not before that long, as in 60s']],
      run: stop,
    },
    {
      name: 'reload',
      about: 'Replace it by one of this version, when it has finished',
      run: reload,
    },
    { name: 'off', about: 'Stop it, and do without it here from now on', run: switchOff },
    { name: 'on', about: 'Let it start again', run: switchOn },
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
    remedy: 'Use `bd daemon start`, `stop`, `off`, `on`, `status` or `run`.',
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

async function stop({ flags, services, confirm }: Invocation): Promise<void> {
  const here = requireServices(services, 'daemon');
  const hold = flags.text('hold');
  const stopped = await (hold === undefined
    ? here.stopDaemon()
    : here.switchDaemonOff({ forMs: holdMs(hold) }));
  const held = hold === undefined ? '' : `None is started for ${hold}\n`;
  confirm({ json: stopped, text: `${stoppedText(stopped)}${held}` });
}

function holdMs(hold: string): number {
  const forMs = durationMs(hold);
  if (forMs !== undefined && forMs <= HOLD_MAX_MS) return forMs;
  throw new BdError('INVALID_VALUE', {
    message: `--hold is "${hold}"`,
    remedy: 'Name a time of at most 24h, as in 60s, 10m or 2h; `bd daemon off` is for longer.',
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

async function switchOff({ services, confirm }: Invocation): Promise<void> {
  const stopped = await requireServices(services, 'daemon').switchDaemonOff({});
  confirm({
    json: { daemon: 'off', ...stopped },
    text: `${stopped.stopped ? stoppedText(stopped) : ''}Commands work without a daemon here; \`bd daemon on\` reverses that\n`,
  });
}

async function switchOn({ services, confirm }: Invocation): Promise<void> {
  await requireServices(services, 'daemon').switchDaemonOn();
  confirm({ json: { daemon: 'on' }, text: 'The next command starts a daemon here\n' });
}

function stoppedText({ stopped, pid }: { stopped: boolean; pid?: number }): string {
  if (!stopped) return 'No daemon runs here\n';
  return `Daemon stopped${pid === undefined ? '' : ` (PID ${pid})`}\n`;
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
    ['Not started:', status.refused],
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
