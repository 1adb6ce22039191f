import type { Finding } from '../../core/finding.ts';
import type { CommandDefinition } from '../command.ts';
import { oneLine } from '../output/printable.ts';
import { alignColumns, type Cell } from '../output/columns.ts';
import type { Screen } from '../output/screen.ts';

export const doctorCommand: CommandDefinition = {
  name: 'doctor',
  runsLocally: true,
  parameters: '[directory]',
  about:
    'Check the installation and the workspace, and change nothing; exit code 1 when something is wrong',
  async run({ args: [directory], services, screen, print }) {
    const report = await services.examine(directory);
    print({ json: report, text: renderFindings(report.checks, screen) });
    return report.overall_ok ? 0 : 1;
  },
};

/** What is in order in a line each; below, what is not, with the command that mends it. */
function renderFindings(findings: readonly Finding[], screen: Screen): string {
  const { green, yellow, red } = screen;
  const paint = { ok: green, warning: yellow, error: red };
  const rows = findings.map(({ status, category, name, message }): Cell[] => [
    { text: status, paint: paint[status] },
    `${category}:`,
    name,
    oneLine(message),
  ]);
  const wrong = findings.filter(({ status }) => status !== 'ok');
  const ends = wrong.map(({ name, detail, fix }) =>
    [
      `\n${name}`,
      detail === undefined ? '' : `: ${oneLine(detail)}`,
      '\n',
      fix === undefined ? '' : `  ${oneLine(fix)}\n`,
    ].join(''),
  );
  const summary = wrong.length === 0 ? '\nNothing is wrong.\n' : '';
  return [alignColumns(rows, { ...screen, width: undefined }), ...ends, summary].join('');
}
