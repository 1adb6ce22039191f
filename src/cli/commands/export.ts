import { resolve } from 'node:path';
import type { CommandDefinition, Invocation } from '../command.ts';
import { toJson } from '../output/answer.ts';

const PAGE_LINES = 1_000;

export const exportCommand: CommandDefinition = {
  name: 'export',
  about: 'Export all issues as JSONL, to standard output or to the file of -o',
  flags: [
    ['-o, --output <path>', 'the file'],
    ['-f, --format <format>', ''],
    ['--force', ''],
  ],
  /** What was done goes to stderr, as stdout may be the issues. */
  async run(invocation) {
    const { flags, io, call, isJson } = invocation;
    flags.choice('format', ['jsonl']);
    const output = flags.text('output');
    if (output === undefined || output === '-') {
      const exported = await printLines(invocation);
      if (isJson) io.stderr(toJson(stats(exported)));
      return;
    }
    const { path, exported } = await call('export', { path: resolve(io.cwd, output) });
    if (isJson) io.stderr(toJson({ ...stats(exported), output_file: path }));
    else if (!flags.has('quiet'))
      io.stderr(`Exported ${exported} ${exported === 1 ? 'line' : 'lines'} to ${path}\n`);
  },
};

async function printLines({ io, call }: Invocation): Promise<number> {
  let exported = 0;
  let after: string | undefined;
  for (;;) {
    const { lines, next } = await call('read_lines', { after, limit: PAGE_LINES });
    if (lines.length > 0) io.stdout(`${lines.join('\n')}\n`);
    exported += lines.length;
    if (next === null) return exported;
    after = next;
  }
}

function stats(exported: number) {
  return { success: true, exported, skipped: 0, total_issues: exported };
}
