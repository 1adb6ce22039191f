import { LOG_LINES_SHOWN } from '../../core/limits.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import type { FlagDefinition, Invocation } from '../command.ts';
import { requireServices } from '../local-services.ts';
import { severalLines } from './printable.ts';

export const LOG_FLAGS: readonly FlagDefinition[] = [
  ['-n, --lines <count>', `how many lines (default: ${LOG_LINES_SHOWN})`],
  ['-f, --follow', 'go on with what is written, until Ctrl-C'],
];

/** The log is JSON, a line each: with `--follow` it is the same for people and programs. */
export async function printLog(
  { flags, services, io, isJson, print }: Invocation,
  place: WorkspacePlace,
): Promise<void> {
  const local = requireServices(services, 'daemon');
  const follows = flags.has('follow');
  const lines = flags.number('lines') ?? LOG_LINES_SHOWN;
  if (isJson && !follows) {
    let content = '';
    await local.showLog(place, { lines, follows, print: (text) => void (content += text) });
    const json = { workspace: place.projectDir, log_path: place.logFile, content };
    return print({ json, text: '' });
  }
  await local.showLog(place, {
    lines,
    follows,
    print: (text) => io.stdout(severalLines(text)),
  });
}
