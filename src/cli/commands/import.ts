import { resolve } from 'node:path';
import type { ImportReport } from '../../protocol/methods/workspace.ts';
import type { CommandIo } from '../command-io.ts';
import type { CommandDefinition } from '../command.ts';
import { oneLine } from '../output/printable.ts';
import { listProblems } from '../output/change-list.ts';

export const importCommand: CommandDefinition = {
  name: 'import',
  about: 'Import issues as JSONL, from standard input or from the file of -i',
  flags: [
    ['-i, --input <path>', 'the file'],
    ['-s, --skip-existing', 'leave issues alone that are here already'],
    ['--dry-run', 'only show what would happen'],
  ],
  /** Reports on stderr, as the classic tool does; stdout is for `--json`. */
  async run({ flags, io, call, isJson, print }) {
    const path = flags.text('input');
    const source =
      path === undefined || path === '-'
        ? { lines: splitLines(await io.readStdin()) }
        : { path: resolve(io.cwd, path) };
    const isQuiet = isJson || flags.has('quiet');
    const progress = createProgress(io);
    const report = await call(
      'import',
      {
        ...source,
        skip_existing: flags.isSet('skip-existing'),
        dry_run: flags.isSet('dry-run'),
      },
      io.stdoutIsTty && !isQuiet ? { progress: (lines) => progress.show(lines) } : {},
    ).finally(() => progress.clear());
    if (isJson) print({ json: report, text: '' });
    else if (!isQuiet) io.stderr(renderReport(report));
    io.stderr(report.notices.map((notice) => `Warning: ${oneLine(notice)}\n`).join(''));
    io.stderr(renderProblems(report));
    return report.problems.length === 0 ? 0 : 1;
  },
};

/** One line on a terminal, which is written over, and gone at the end. */
function createProgress(io: CommandIo) {
  let isShown = false;
  return {
    show(lines: number): void {
      io.stdout(`\r${lines.toLocaleString('en')} lines read`);
      isShown = true;
    },
    clear(): void {
      if (isShown) io.stdout('\r\u001b[K');
    },
  };
}

/** Line numbers are kept, so blank lines stay; the end of the last line begins no other. */
function splitLines(text: string): string[] {
  return text.replace(/\n$/, '').split('\n');
}

function renderReport(report: ImportReport): string {
  const { created, updated, unchanged, skipped } = report;
  const numbers = [
    `${created} created`,
    `${updated} updated`,
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ].join(', ');
  return report.dry_run ? `Would import: ${numbers}\n` : `Import complete: ${numbers}\n`;
}

function renderProblems({ problems }: ImportReport): string {
  if (problems.length === 0) return '';
  return [
    `Error: ${problems.length} ${problems.length === 1 ? 'line was' : 'lines were'} refused\n`,
    listProblems(problems.map(({ line, problem }) => `  line ${line}: ${oneLine(problem)}`)),
    'Correct them and import again: what is in already stays as it is.\n',
  ].join('');
}
