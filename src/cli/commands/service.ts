import type { CommandDefinition, Invocation } from '../command.ts';
import { indent } from '../output/printable.ts';
import type { ServiceReport } from '../local-services.ts';

/** For users who want the daemon to run from boot; bd does not need it. */
export const serviceCommand: CommandDefinition = {
  name: 'service',
  about: 'Have systemd or launchd run it from login',
  subcommands: [
    { name: 'install', about: 'Write the service’s file, and start the service', run: install },
    { name: 'uninstall', about: 'Stop the service, and remove its file', run: uninstall },
    { name: 'status', about: 'Show whether the service is installed and runs', run: showStatus },
  ],
};

async function install({ services, confirm }: Invocation): Promise<void> {
  const report = await services.installService();
  const { path, content } = report;
  const text = `Wrote ${path}:\n\n${indent(content)}\n${renderLeft(report, 'It runs.')}`;
  confirm({ json: { installed: true, ...report }, text });
}

async function uninstall({ services, confirm }: Invocation): Promise<void> {
  const report = await services.uninstallService();
  const text =
    report === undefined
      ? 'There is no service of this workspace\n'
      : `Removed ${report.path}\n${renderLeft(report, '')}`;
  confirm({ json: { uninstalled: report !== undefined, ...report }, text });
}

async function showStatus({ services, print }: Invocation): Promise<void> {
  const status = await services.serviceStatus();
  const { installed, running, path } = status;
  const text = installed
    ? `${running ? 'Running' : 'Not running'}: ${path}\n`
    : 'There is no service of this workspace\n';
  print({ json: status, text });
}

function renderLeft({ left, reason }: ServiceReport, done: string): string {
  if (left.length === 0) return done === '' ? '' : `${done}\n`;
  return `The service manager did not accept it (${reason}). Run:\n${indent(left.join('\n'))}\n`;
}
