import { execute } from '../../src/cli/execute.ts';
import type { CommandIo } from '../../src/cli/command-io.ts';
import type { Call, CallOptions } from '../../src/protocol/methods.ts';
import type { Overdue } from '../../src/protocol/methods/workspace.ts';
import { createFakeClock } from '../support/fake-clock.ts';

export interface Recorded {
  exitCode: number;
  stdout: string;
  stderr: string;
  calls: { method: string; params: unknown }[];
}

const ISSUE = {
  id: 't-1',
  title: 'Title',
  status: 'open',
  priority: 2,
  issue_type: 'task',
  created_at: '2026-01-02T03:04:05Z',
  updated_at: '2026-01-02T03:04:05Z',
};

/** Enough of an answer to whatever is asked, for tests of what was asked. */
const ANSWER = {
  issue: ISSUE,
  issue_id: ISSUE.id,
  changed: true,
  unblocked: [],
  issues: [],
  total: 0,
  count: 0,
  deleted: [],
  dependencies: [],
  nodes: [],
};

/** Runs one command line in memory and writes down the calls that it makes. */
export async function record(
  argv: readonly string[],
  {
    answer = ANSWER,
    overdue = null,
    ...more
  }: Partial<CommandIo> & { answer?: object | Error; overdue?: Overdue | null } = {},
): Promise<Recorded> {
  const recorded: Recorded = { exitCode: 0, stdout: '', stderr: '', calls: [] };
  const io: CommandIo = {
    cwd: '/project',
    env: { TZ: 'UTC' },
    stdoutIsTty: false,
    columns: 0,
    readStdin: async () => 'from stdin\n',
    ...more,
    stdout: (text) => (recorded.stdout += text),
    stderr: (text) => (recorded.stderr += text),
  };
  const call = async (
    method: string,
    params: unknown,
    options: CallOptions = {},
  ): Promise<unknown> => {
    if (method === 'take_overdue_notice') return { overdue };
    recorded.calls.push({ method, params });
    options.progress?.(20_000);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  recorded.exitCode = await execute(argv, {
    io,
    call: call as Call,
    services: undefined,
    clock: createFakeClock(),
  });
  return recorded;
}
