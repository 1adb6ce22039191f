import { isRecord, parseIssueLine } from '../issue-line.ts';
import { TOMBSTONE, type Issue } from '../issue.ts';
import { keyName, kindOf } from './field-key.ts';
import { fieldsOf, type FieldHints } from './fields.ts';
import type { Deletion, Value } from './issue-state.ts';
import { parseVector } from './dot.ts';

/**
 * A value from a line's `x`, checked as the record's own values are: put into a record, which is
 * read. Undefined when it cannot be a value of this key.
 */
export function readValue(key: string, raw: unknown, issue: Issue): { value: Value } | undefined {
  const kind = kindOf(key);
  switch (kind) {
    case undefined:
    case 'label':
      return undefined;
    case 'unknown':
    case 'member':
    case 'metadata':
      return typeof raw === 'string' && isJsonLine(raw) ? { value: raw } : undefined;
    case 'metadata_order':
      return isTexts(raw) ? { value: raw } : undefined;
    case 'state':
    case 'created':
      return readField(key, { issue, record: raw });
    case 'deleted':
      return readDeletion(raw, issue);
    case 'claim':
      return readField(key, { issue, record: { assignee: raw } });
    case 'parent':
      return readField(key, { issue, record: { dependencies: [raw] } });
    case 'edge':
      return readField(key, { issue, record: { dependencies: [raw] } }, { parentTarget: '' });
    case 'comment':
      return readField(
        key,
        { issue, record: { comments: [raw] } },
        { commentUids: [keyName(key)] },
      );
    default:
      return readField(key, { issue, record: { [kind]: raw } });
  }
}

interface Trial {
  issue: Issue;
  record: unknown;
}

function readField(key: string, trial: Trial, hints?: FieldHints): { value: Value } | undefined {
  const read = readRecord(trial);
  const value = read && fieldsOf(read, hints).get(key);
  return value === undefined ? undefined : { value };
}

function readDeletion(raw: unknown, issue: Issue): { value: Deletion } | undefined {
  if (!isRecord(raw) || typeof raw['deleted'] !== 'boolean') return undefined;
  const { deleted, seen, ...fields } = raw;
  const isVector = typeof seen === 'string' && parseVector(seen) !== undefined;
  if (deleted ? !isVector : seen !== undefined) return undefined;
  const read = readRecord({ issue, record: deleted ? { ...fields, status: TOMBSTONE } : fields });
  if (read === undefined) return undefined;
  const found = fieldsOf(read).get('deleted') as Deletion | undefined;
  const value = { ...found, deleted };
  return { value: deleted ? { ...value, seen: seen as string } : value };
}

function readRecord({ issue, record }: Trial): Issue | undefined {
  if (!isRecord(record)) return undefined;
  const { id, title, created_at: createdAt, updated_at: updatedAt } = issue;
  const trial = { title, created_at: createdAt, updated_at: updatedAt, ...record, id };
  const read = parseIssueLine(JSON.stringify(trial), 0);
  return 'problem' in read ? undefined : read.issue;
}

function isJsonLine(text: string): boolean {
  try {
    JSON.parse(text);
    return !/[\r\n]/.test(text);
  } catch {
    return false;
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
