import type { DaemonEntry, HealthReport } from '../local-services.ts';
import { alignColumns } from './columns.ts';
import { oneLine } from './printable.ts';
import type { Screen } from './screen.ts';

/** Paths and versions come from a file that anybody may have written. */
export function renderDaemons(daemons: readonly DaemonEntry[], screen: Screen): string {
  if (daemons.length === 0) return 'No daemons.\n';
  const rows = daemons.map(({ workspace, pid, version, status, issue }) => [
    status,
    pid === undefined ? '' : `PID ${pid}`,
    oneLine(version ?? ''),
    oneLine(workspace),
    oneLine(issue ?? ''),
  ]);
  return alignColumns(rows, { ...screen, width: undefined });
}

export function renderHealth(report: HealthReport, screen: Screen): string {
  const { daemons, issues, total, healthy_count: healthy } = report;
  if (total === 0) return renderDaemons(daemons, screen);
  const problems = issues.map(
    ({ workspace, issue, detail, recommendation }) =>
      `${issue}: ${oneLine(workspace)}: ${oneLine(detail)}\n  ${oneLine(recommendation)}\n`,
  );
  return [renderDaemons(daemons, screen), ...problems, `${healthy} of ${total} healthy\n`].join('');
}
