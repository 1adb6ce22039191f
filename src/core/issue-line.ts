import { messageOf } from './errors.ts';
import { isIssueId } from './issue-id.ts';
import { JSON_DEPTH_MAX } from './limits.ts';
import { compareBytes, labelSet, type Issue } from './issue.ts';
import { isTimestamp, timestampAt } from './timestamp.ts';

/** What a value must be, and the words for that. */
const KINDS = {
  text: { is: isText, what: 'a text' },
  integer: { is: Number.isSafeInteger, what: 'a whole number' },
  time: { is: isTime, what: 'a timestamp' },
  flag: { is: (value: unknown) => typeof value === 'boolean', what: 'true or false' },
  labels: { is: listOf(isText), what: 'a list of texts' },
  dependencies: { is: listOf(isDependency), what: 'a list of dependencies' },
  comments: { is: listOf(isComment), what: 'a list of comments' },
} as const;

/** The keys bd interprets and what each must hold. */
const FIELDS: Readonly<Record<Exclude<keyof Issue, 'opaque'>, keyof typeof KINDS>> = {
  id: 'text',
  title: 'text',
  description: 'text',
  design: 'text',
  acceptance_criteria: 'text',
  notes: 'text',
  spec_id: 'text',
  status: 'text',
  priority: 'integer',
  issue_type: 'text',
  assignee: 'text',
  owner: 'text',
  estimated_minutes: 'integer',
  created_at: 'time',
  created_by: 'text',
  updated_at: 'time',
  closed_at: 'time',
  close_reason: 'text',
  closed_by_session: 'text',
  due_at: 'time',
  defer_until: 'time',
  external_ref: 'text',
  labels: 'labels',
  dependencies: 'dependencies',
  comments: 'comments',
  deleted_at: 'time',
  deleted_by: 'text',
  delete_reason: 'text',
  original_type: 'text',
  ephemeral: 'flag',
  pinned: 'flag',
  is_template: 'flag',
};

/** The key order of the classic writer. */
const CLASSIC_ORDER: readonly string[] = (
  'id content_hash title description design acceptance_criteria notes spec_id status priority ' +
  'issue_type assignee owner estimated_minutes created_at created_by updated_at closed_at ' +
  'close_reason closed_by_session due_at defer_until external_ref source_system metadata ' +
  'compaction_level compacted_at compacted_at_commit original_size source_repo labels ' +
  'dependencies comments deleted_at deleted_by delete_reason original_type sender ephemeral ' +
  'wisp_type pinned is_template bonded_from creator validations quality_score crystallizes ' +
  'await_type await_id timeout waiters holder source_formula source_location hook_bead role_bead ' +
  'agent_state last_activity role_type rig mol_type work_type event_kind actor target payload'
).split(' ');

/** Fields of our own come behind the classic keys; keys that bd does not know follow, sorted. */
const KEY_ORDER: readonly string[] = [...new Set([...CLASSIC_ORDER, ...Object.keys(FIELDS)])];

const KNOWN_KEYS: ReadonlySet<string> = new Set(KEY_ORDER);

const FIELD_ORDER = KEY_ORDER.filter(isField);

export type ParsedLine = { issue: Issue } | { problem: string };

/**
 * One JSONL line to one issue. A missing `created_at` or `updated_at` becomes `nowMs`; a missing
 * priority is 0, as the classic writer means it. The problem says what is wrong, with the value.
 */
export function parseIssueLine(line: string, nowMs: number): ParsedLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { problem: `not JSON: ${messageOf(error)}` };
  }
  if (!isRecord(value)) return { problem: 'not a JSON object' };
  const fields: Record<string, unknown> = {};
  const opaqueKeys: string[] = [];
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (isDeeperThan(member, JSON_DEPTH_MAX)) {
      return { problem: `"${key}" is nested more than ${JSON_DEPTH_MAX} deep` };
    }
    if (!isField(key)) opaqueKeys.push(key);
    else if (member !== null) {
      const problem = fieldProblem(key, member);
      if (problem !== undefined) return { problem };
      fields[key] = member;
    }
  }
  if (opaqueKeys.length > 0) {
    const raw = rawMembers(line);
    fields['opaque'] = Object.fromEntries(opaqueKeys.map((key) => [key, raw.get(key) ?? 'null']));
  }
  return complete(fields, nowMs);
}

/** The canonical line, without its newline: equal issues give equal bytes. */
export function encodeIssueLine(issue: Issue): string {
  const { opaque } = issue;
  if (opaque !== undefined) return encodeWithOpaque(issue, opaque);
  const ordered: Record<string, unknown> = {};
  for (const key of FIELD_ORDER) {
    const value = issue[key];
    if (value !== undefined) ordered[key] = value;
  }
  return encodeValue(ordered);
}

function encodeWithOpaque(issue: Issue, opaque: Readonly<Record<string, string>>): string {
  const members: string[] = [];
  for (const key of lineKeys(opaque)) {
    if (isField(key)) {
      const value = issue[key];
      if (value !== undefined) members.push(`"${key}":${encodeValue(value)}`);
    } else {
      const raw = opaque[key];
      if (raw !== undefined) members.push(`${JSON.stringify(key)}:${raw}`);
    }
  }
  return `{${members.join(',')}}`;
}

/** The record as JSON data in the line's key order: what `--json` and the wire show. */
export type IssueJson = Omit<Issue, 'opaque'>;

export function issueToJson(issue: Issue): IssueJson {
  const { opaque = {} } = issue;
  const json: Record<string, unknown> = {};
  for (const key of lineKeys(opaque)) {
    const value = isField(key) ? issue[key] : opaque[key];
    if (value !== undefined) json[key] = isField(key) ? value : JSON.parse(opaque[key] ?? '');
  }
  return json as unknown as IssueJson;
}

function complete(fields: Record<string, unknown>, nowMs: number): ParsedLine {
  const { id, title } = fields;
  if (typeof id !== 'string') return { problem: 'it has no "id"' };
  if (!isIssueId(id)) return { problem: `"id" is not an issue id: ${JSON.stringify(id)}` };
  if (typeof title !== 'string' || title === '') return { problem: `${id} has no "title"` };
  fields['status'] ??= 'open';
  fields['priority'] ??= 0;
  fields['issue_type'] ??= 'task';
  fields['created_at'] ??= fields['updated_at'] ?? timestampAt(nowMs);
  fields['updated_at'] ??= fields['created_at'];
  // The end of checking: fieldProblem has seen every value.
  const issue = fields as unknown as Issue;
  if (issue.priority < 0 || issue.priority > 4) {
    return { problem: `${id} has "priority" ${issue.priority}, which is not 0 to 4` };
  }
  if (issue.labels !== undefined) issue.labels = labelSet(issue.labels);
  return { issue };
}

function fieldProblem(key: keyof typeof FIELDS, value: unknown): string | undefined {
  const { is, what } = KINDS[FIELDS[key]];
  return is(value) ? undefined : `"${key}" is not ${what}: ${excerpt(value)}`;
}

function isDependency(value: unknown): boolean {
  return (
    isRecord(value) &&
    isText(value['issue_id']) &&
    isText(value['depends_on_id']) &&
    isText(value['type']) &&
    (value['created_at'] === undefined || isTime(value['created_at']))
  );
}

function isComment(value: unknown): boolean {
  return (
    isRecord(value) &&
    (isText(value['id']) || Number.isSafeInteger(value['id'])) &&
    isText(value['author']) &&
    isText(value['text']) &&
    isTime(value['created_at'])
  );
}

function isDeeperThan(value: unknown, depthMax: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return (
    depthMax === 0 || Object.values(value).some((member) => isDeeperThan(member, depthMax - 1))
  );
}

function isField(key: string): key is keyof typeof FIELDS {
  return Object.hasOwn(FIELDS, key);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTime(value: unknown): boolean {
  return isText(value) && isTimestamp(value);
}

function listOf(is: (item: unknown) => boolean): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.every((item) => is(item));
}

function excerpt(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function lineKeys(opaque: Readonly<Record<string, string>>): readonly string[] {
  const unknown = Object.keys(opaque).filter((key) => !KNOWN_KEYS.has(key));
  return unknown.length === 0 ? KEY_ORDER : [...KEY_ORDER, ...unknown.sort(compareBytes)];
}

const ESCAPED = ['<', '>', '&', '\u2028', '\u2029'];

/** A value as it is in a canonical line. */
export function encodeValue(value: unknown): string {
  return escapeForHtml(JSON.stringify(value));
}

/** As Go's encoder writes: without this, a repository shared with the classic tool shows false diffs. */
function escapeForHtml(json: string): string {
  // Nearly no text has any, and looking for one character is ten times as fast as for one of several.
  if (!ESCAPED.some((character) => json.includes(character))) return json;
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * The text of each top-level member of a line that JSON.parse has accepted. Only lines with keys we
 * do not know pay for it.
 */
export function rawMembers(line: string): Map<string, string> {
  const members = new Map<string, string>();
  let depth = 0;
  let key = '';
  let start = -1;
  for (let at = line.indexOf('{'); at < line.length; at++) {
    const character = line[at];
    if (character === '"') {
      const end = stringEnd(line, at);
      if (depth === 1 && start < 0) key = JSON.parse(line.slice(at, end + 1)) as string;
      at = end;
    } else if (character === ':' && depth === 1 && start < 0) {
      start = at + 1;
    } else if (depth === 1 && (character === ',' || character === '}')) {
      if (start >= 0) members.set(key, line.slice(start, at).trim());
      start = -1;
      if (character === '}') depth -= 1;
    } else if (character === '{' || character === '[') {
      depth += 1;
    } else if (character === '}' || character === ']') {
      depth -= 1;
    }
  }
  return members;
}

function stringEnd(line: string, quote: number): number {
  let at = quote + 1;
  while (line[at] !== '"') at += line[at] === '\\' ? 2 : 1;
  return at;
}
