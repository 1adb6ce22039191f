import { BdError } from '../core/errors.ts';
import { type CommandIo, readTextSource } from './command-io.ts';
import type { FlagDefinition } from './command.ts';
import type { Flags } from './flags.ts';

/** What `create` and `update` both set. */
export const FIELD_FLAGS: readonly FlagDefinition[] = [
  ['-d, --description <text>', 'what it is about'],
  ['--body <text>', ''],
  ['-m, --message <text>', ''],
  ['--body-file <path>', 'take the description from a file; - is standard input'],
  ['--description-file <path>', ''],
  ['--design <text>', 'how it will be done'],
  ['--acceptance <text>', 'how to see that it is done'],
  ['--acceptance-criteria <text>', ''],
  ['--notes <text>', 'further notes'],
  ['-t, --type <type>', 'bug, feature, task, epic, chore or decision'],
  ['-p, --priority <priority>', '0 (most urgent) to 4, or P0 to P4'],
  ['-a, --assignee <name>', 'who works on it'],
  ['-e, --estimate <minutes>', 'how long it takes'],
  ['--due <time>', 'when it must be done: 2026-03-01, +3d, tomorrow'],
  ['--defer <time>', 'not ready before then'],
  ['--external-ref <ref>', 'its name elsewhere, such as gh-41'],
  ['--spec-id <id>', ''],
  ['--metadata <json>', 'any JSON to keep with it'],
];

export async function readFieldFlags(flags: Flags, io: CommandIo) {
  return {
    description: await readDescription(flags, io),
    design: flags.text('design'),
    acceptance_criteria: flags.text('acceptance', 'acceptance-criteria'),
    notes: flags.text('notes'),
    issue_type: flags.text('type'),
    priority: flags.priority('priority'),
    assignee: flags.text('assignee'),
    estimated_minutes: readEstimate(flags),
    due_at: flags.time('due'),
    defer_until: flags.time('defer'),
    external_ref: flags.text('external-ref'),
    spec_id: flags.text('spec-id'),
    metadata: readMetadata(flags.text('metadata')),
  };
}

async function readDescription(flags: Flags, io: CommandIo): Promise<string | undefined> {
  const path = flags.text('body-file', 'description-file');
  const text = flags.text('description', 'body', 'message');
  if (path === undefined) return text === '-' ? await io.readStdin() : text;
  if (text === undefined) return await readTextSource(path, io);
  throw new BdError('USAGE', {
    message: 'the description is given twice, as a text and as a file',
    remedy: 'Use either --description or --body-file.',
  });
}

function readEstimate(flags: Flags): number | undefined {
  const text = flags.text('estimate');
  if (text === undefined || /^\d{1,7}$/.test(text)) return flags.number('estimate');
  throw new BdError('INVALID_VALUE', {
    message: `estimate must be a non-negative number of minutes, not "${text}"`,
    remedy: 'Give whole minutes, such as --estimate 90.',
  });
}

function readMetadata(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new BdError('INVALID_VALUE', {
      message: `invalid JSON for --metadata: ${text}`,
      remedy: 'Give JSON in quotes, such as \'{"team": "core"}\'.',
      cause: error,
    });
  }
}
