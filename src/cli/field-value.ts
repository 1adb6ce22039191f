import { kindOf, keyOfField } from '../core/causal/field-key.ts';
import { BdError } from '../core/errors.ts';
import { parsePriority } from '../core/issue.ts';
import { parseTimeArgument } from './time-argument.ts';

/** What `text` means as the value of a field; null, which clears it, is an empty one where that is no value. */
export function readFieldValue(
  field: string,
  text: string,
  now: { nowMs: number; timeZone: string | undefined },
): unknown {
  switch (kindOf(keyOfField(field))) {
    case 'priority':
      return parsePriority(text) ?? wrong(field, text, 'Use 0 (most urgent) to 4, or P0 to P4.');
    case 'estimated_minutes':
      if (text === '') return null;
      return /^\d{1,7}$/.test(text) ? Number(text) : wrong(field, text, 'Give whole minutes.');
    case 'due_at':
    case 'defer_until':
      if (text === '') return null;
      return (
        parseTimeArgument(text, now) ??
        wrong(field, text, 'Use 2026-03-01, 2026-03-01T09:00:00Z, +3d, +2h, +1w or tomorrow.')
      );
    case 'ephemeral':
    case 'pinned':
    case 'is_template':
      if (text === 'true' || text === 'false') return text === 'true';
      return text === '' ? null : wrong(field, text, 'Use true or false.');
    case 'metadata':
    case 'member':
    case 'unknown':
      return text === '' ? null : readJson(field, text);
    default:
      return text;
  }
}

function readJson(field: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return wrong(field, text, 'Give JSON in quotes, such as \'{"team": "core"}\' or \'"core"\'.');
  }
}

function wrong(field: string, text: string, remedy: string): never {
  throw new BdError('INVALID_VALUE', { message: `invalid value "${text}" for ${field}`, remedy });
}
