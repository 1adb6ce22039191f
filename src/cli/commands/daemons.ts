import type { CommandDefinition } from '../command.ts';
import type { DaemonHealth } from '../../client/daemon-health.ts';
import { requireServices } from '../own-process.ts';
import { alignColumns } from '../output/columns.ts';
import type { Screen } from '../output/screen.ts';

export const daemonsCommand: CommandDefinition = {
  name: 'daemons',
  about: 'All your daemons, of every workspace',
  subcommands: [
    {
      name: 'list',
      about: 'List them',
      flags: [['--no-cleanup', '']],
      async run({ services, screen, print }) {
        const daemons = await requireServices(services, 'daemons').listDaemons();
        print({ json: daemons, text: renderDaemons(daemons, screen) });
      },
    },
    {
      name: 'health',
      about: 'Ask each whether it is well; exit code 1 when one is not',
      async run({ services, screen, print }) {
        const report = await requireServices(services, 'daemons').daemonsHealth();
        const { total, healthy } = report;
        const summary = `${healthy} of ${total} healthy\n`;
        print({ json: report, text: `${renderDaemons(report.daemons, screen)}${summary}` });
        return healthy === total ? 0 : 1;
      },
    },
  ],
};

function renderDaemons(daemons: readonly DaemonHealth[], screen: Screen): string {
  if (daemons.length === 0) return 'No daemons.\n';
  const rows = daemons.map(({ workspace, pid, version, status, issue }) => [
    status,
    pid === undefined ? '' : `PID ${pid}`,
    version ?? '',
    workspace,
    issue ?? '',
  ]);
  return alignColumns(rows, { ...screen, width: undefined });
}
