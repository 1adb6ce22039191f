import { isRecord, parseIssueLine } from '../issue-line.ts';
import { TOMBSTONE, type Issue } from '../issue.ts';
import { keyName, kindOf } from './field-key.ts';
import { fieldsOf } from './fields.ts';
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
      return readOnly({ issue, record: { dependencies: [raw] }, keyStart: 'parent' });
    case 'edge': {
      const found = readOnly({ issue, record: { dependencies: [raw] }, parentTarget: '' });
      return found?.key === key ? found : undefined;
    }
    case 'comment':
      return readOnly({ issue, record: { comments: [raw] }, keyStart: 'c/', uid: keyName(key) });
    default:
      return readField(key, { issue, record: { [kind]: raw } });
  }
}

interface Trial {
  issue: Issue;
  record: unknown;
}

function readField(key: string, { issue, record }: Trial): { value: Value } | undefined {
  const read = readRecord({ issue, record });
  const value = read === undefined ? undefined : fieldsOf(read).get(key);
  return value === undefined ? undefined : { value };
}

/** The one edge or comment of a record. */
function readOnly({
  issue,
  record,
  keyStart = 'd/',
  parentTarget,
  uid = '',
}: Trial & { keyStart?: string; parentTarget?: string; uid?: string }):
  | { key: string; value: Value }
  | undefined {
  const read = readRecord({ issue, record });
  if (read === undefined) return undefined;
  const hints = { commentUids: [uid], ...(parentTarget === undefined ? {} : { parentTarget }) };
  const found = [...fieldsOf(read, hints)].filter(([key]) => key.startsWith(keyStart));
  const [only] = found;
  return only === undefined ? undefined : { key: only[0], value: only[1] };
}

function readDeletion(raw: unknown, issue: Issue): { value: Deletion } | undefined {
  if (!isRecord(raw) || typeof raw['deleted'] !== 'boolean') return undefined;
  const { deleted, seen, ...fields } = raw;
  if (deleted ? !isVector(seen) : seen !== undefined) return undefined;
  const read = readRecord({ issue, record: deleted ? { ...fields, status: TOMBSTONE } : fields });
  if (read === undefined) return undefined;
  const found = fieldsOf(read).get('deleted') as Deletion | undefined;
  const value = { ...found, deleted };
  return { value: deleted ? { ...value, seen: seen as string } : value };
}

function isVector(seen: unknown): boolean {
  return typeof seen === 'string' && parseVector(seen) !== undefined;
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
