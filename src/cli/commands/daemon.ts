import { durationMs } from '../../core/timestamp.ts';
import { BdError } from '../../core/errors.ts';
import { HOLD_MAX_MS } from '../../core/limits.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import { renderDaemonStatus, showHealth, LOG_FLAGS, printLog } from '../output/daemon-text.ts';
import type { StopReport } from '../local-services.ts';
import { serviceCommand } from './service.ts';

export const daemonCommand: CommandDefinition = {
  name: 'daemon',
  runsLocally: true,
  about: 'Manage the daemon of this workspace',
  flags: [
    ['--start', ''],
    ['--stop', ''],
    ['--status', ''],
  ],
  subcommands: [
    {
      name: 'start',
      about: 'Start it, unless it runs',
      flags: [['--foreground', 'run it in this process until interrupted']],
      run: (invocation) => (invocation.flags.has('foreground') ? serve : start)(invocation),
    },
    {
      name: 'stop',
      about: 'Stop it; the next command starts it again',
      flags: [
        ['--force', 'end its process when it does not answer'],
        ['--hold <duration>', 'start none for that long, as in 60s'],
      ],
      run: stop,
    },
    {
      name: 'restart',
      about: 'Stop it, then start it again',
      flags: [['--force', 'end its process when it does not answer']],
      run: restart,
    },
    {
      name: 'reload',
      about: 'Replace it with one of this version once it has finished',
      run: reload,
    },
    { name: 'off', about: 'Stop it, and run without a daemon here from now on', run: switchOff },
    { name: 'on', about: 'Allow it to start again', run: switchOn },
    { name: 'status', about: 'Show whether it runs, and its state', run: showStatus },
    {
      name: 'health',
      about: 'Check it; exit code 1 when something is wrong',
      run: (invocation) => showHealth(invocation, invocation.services.findHere()),
    },
    {
      name: 'logs',
      about: 'Show the end of its log',
      flags: LOG_FLAGS,
      run: (invocation) => printLog(invocation, invocation.services.findHere()),
    },
    {
      name: 'run',
      about: 'Run it in this process until interrupted',
      flags: [['--stay', 'also when idle for long']],
      run: serve,
    },
    serviceCommand,
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
    remedy:
      'Use `bd daemon start`, `stop`, `restart`, `reload`, `off`, `on`, `status`, `health`, `logs`, `run` or `service`.',
  });
}

async function start({ services, confirm }: Invocation): Promise<void> {
  const { pid, version, alreadyRunning } = await services.startDaemon();
  confirm({
    json: { status: alreadyRunning ? 'already_running' : 'started', pid, version },
    text: `Daemon ${alreadyRunning ? 'already running' : 'started'} (PID ${pid}, version ${version})\n`,
  });
}

async function stop({ flags, services, confirm }: Invocation): Promise<void> {
  const isForced = flags.has('force');
  const hold = flags.text('hold');
  const stopped = await (hold === undefined
    ? services.stopDaemon({ isForced })
    : services.switchDaemonOff({ forMs: holdMs(hold), isForced }));
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
  const { pid, version, previous } = await services.reloadDaemon();
  const was =
    previous === undefined ? '' : `, was PID ${previous.pid}, version ${previous.version}`;
  confirm({
    json: { status: 'reloaded', pid, version, previous: previous ?? null },
    text: `Daemon reloaded (PID ${pid}, version ${version}${was})\n`,
  });
}

async function switchOff({ services, confirm }: Invocation): Promise<void> {
  const stopped = await services.switchDaemonOff({});
  confirm({
    json: { daemon: 'off', ...stopped },
    text: `${stopped.stopped ? stoppedText(stopped) : ''}Commands work without a daemon here; \`bd daemon on\` reverses that\n`,
  });
}

async function switchOn({ services, confirm }: Invocation): Promise<void> {
  await services.switchDaemonOn();
  confirm({ json: { daemon: 'on' }, text: 'The next command starts a daemon here\n' });
}

function stoppedText({ stopped, pid }: StopReport): string {
  if (!stopped) return 'No daemon runs here\n';
  return `Daemon stopped${pid === undefined ? '' : ` (PID ${pid})`}\n`;
}

async function restart({ services, flags, confirm }: Invocation): Promise<void> {
  const { stopped } = await services.stopDaemon({ isForced: flags.has('force') });
  const { pid, version } = await services.startDaemon();
  const action = stopped ? 'restarted' : 'started';
  const text = `Daemon ${action} (PID ${pid}, version ${version})\n`;
  confirm({ json: { action, pid, version }, text });
}

async function showStatus({ services, screen, print }: Invocation): Promise<void> {
  const status = await services.daemonStatus();
  print({ json: status, text: renderDaemonStatus(status, screen) });
}

function serve({ services, flags }: Invocation): Promise<number> {
  return services.runDaemon({ staysWhenIdle: flags.has('stay') });
}
