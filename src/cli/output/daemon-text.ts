import type { DaemonEntry, DaemonStatus, HealthReport } from '../../client/daemon-report.ts';
import { alignColumns } from './columns.ts';
import { renderMoment, oneLine, severalLines } from './printable.ts';
import type { Screen } from './screen.ts';
import { LOG_LINES_SHOWN } from '../../core/limits.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import type { FlagDefinition, Invocation } from '../command.ts';

export function renderDaemonStatus(status: DaemonStatus, screen: Screen): string {
  const { started, uptime_seconds: uptime, event_loop_delay_ms: delay, last_error: last } = status;
  const rows: (readonly [string, string | undefined])[] = [
    ['Daemon:', status.status.replace('_', ' ')],
    ['Problem:', status.issue],
    ['Not started:', status.reason],
    ['Workspace:', status.workspace],
    ['PID:', status.pid?.toString()],
    ['Version:', status.version],
    ['Started:', started && renderMoment(started)],
    ['Uptime:', uptime === undefined ? undefined : renderDuration(uptime)],
    ['Memory:', renderMemory(status)],
    ['Delay:', delay === undefined ? undefined : `${delay} ms in its event loop`],
    ['Connections:', status.connections?.toString()],
    ['Watching:', status.watcher],
    ['Pending:', renderPending(status)],
    ['Last error:', last && `${renderMoment(last.at)} ${oneLine(last.message)}`],
    ['Socket:', status.socket_path],
    ['Log:', status.log_path],
  ];
  return alignColumns(
    rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    { ...screen, width: undefined },
  );
}

function renderMemory({
  memory_bytes: memory,
  heap_bytes: heap,
}: DaemonStatus): string | undefined {
  if (memory === undefined) return undefined;
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MB`;
  return heap === undefined ? megabytes(memory) : `${megabytes(memory)}, heap ${megabytes(heap)}`;
}

function renderPending({
  pending,
  sync_state: state,
  oldest_pending_seconds: oldest,
}: DaemonStatus): string | undefined {
  if (pending === undefined || state === undefined) return undefined;
  const since = oldest === undefined ? '' : `, for ${renderDuration(oldest)}`;
  return `${pending} to share${pending === 0 ? '' : since} (${state.replace('_', ' ')})`;
}

/** `2d 3h`, `4h 5m`, `6m 7s` or `8s`. */
function renderDuration(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [Math.floor(seconds) % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2);
  return shown.map(([count, unit]) => `${count}${unit}`).join(' ');
}

/** Any program may have written the registry: its paths and versions may hold control characters. */
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

/** Of one workspace's daemons, or of all; the exit code says whether all is well. */
export async function showHealth(
  { services, screen, print }: Invocation,
  place?: WorkspacePlace,
): Promise<number> {
  const report = await services.daemonsHealth(place);
  print({ json: report, text: renderHealth(report, screen) });
  return report.healthy ? 0 : 1;
}

function renderHealth(report: HealthReport, screen: Screen): string {
  const { daemons, issues, total, healthy_count: healthy } = report;
  if (total === 0) return renderDaemons(daemons, screen);
  const problems = issues.map(
    ({ workspace, issue, detail, recommendation }) =>
      `${issue}: ${oneLine(workspace)}: ${oneLine(detail)}\n  ${oneLine(recommendation)}\n`,
  );
  return [renderDaemons(daemons, screen), ...problems, `${healthy} of ${total} healthy\n`].join('');
}

export const LOG_FLAGS: readonly FlagDefinition[] = [
  ['-n, --lines <count>', `how many lines (default: ${LOG_LINES_SHOWN})`],
  ['-f, --follow', 'print new lines as they are written, until Ctrl-C'],
];

/** The log is JSON lines, so with `--follow` the output is the same for people and programs. */
export async function printLog(
  { flags, services, io, isJson, print }: Invocation,
  place: WorkspacePlace,
): Promise<void> {
  const follows = flags.has('follow');
  const lines = flags.number('lines') ?? LOG_LINES_SHOWN;
  if (isJson && !follows) {
    let content = '';
    await services.showLog(place, { lines, follows, print: (text) => void (content += text) });
    const json = { workspace: place.projectDir, log_path: place.logFile, content };
    return print({ json, text: '' });
  }
  const printPart = (text: string): void => io.stdout(severalLines(text));
  await services.showLog(place, { lines, follows, print: printPart });
}
