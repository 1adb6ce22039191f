import { LONG_TEXTS, type Dependency, type Issue } from '../issue.ts';
import type { GROUPS } from './issue-state.ts';

/**
 * The keys of a state. Registers of one field have its name; `state`, `claim`, `created`, `deleted`
 * and `parent` hold groups; `l/<label>`, `d/<type>/<target>` and `c/<uid>` are elements of sets;
 * `m/<key>` are the metadata's members, unless `metadata` holds it whole; `x:<key>` is a key that bd
 * does not know.
 */
export const PLAIN_FIELDS = [
  'title',
  'description',
  'design',
  'acceptance_criteria',
  'notes',
  'spec_id',
  'priority',
  'issue_type',
  'owner',
  'estimated_minutes',
  'due_at',
  'defer_until',
  'external_ref',
  'ephemeral',
  'pinned',
  'is_template',
] as const satisfies readonly (keyof Issue)[];

type PlainField = (typeof PLAIN_FIELDS)[number];

/** Members that a group or a set holds, or that follow from the others. */
type OtherField =
  | (typeof GROUPS)[keyof typeof GROUPS][number]
  | ('id' | 'assignee' | 'updated_at' | 'labels' | 'dependencies' | 'comments' | 'opaque');

/** A field that is in neither list would not be merged. */
type Unmerged = Exclude<keyof Issue, PlainField | OtherField>;
true satisfies [Unmerged] extends [never] ? true : never;

const NAMED = [
  ...PLAIN_FIELDS,
  ...(['state', 'claim', 'created', 'deleted', 'parent', 'metadata', 'metadata_order'] as const),
];

const NAMES: ReadonlySet<string> = new Set(NAMED);

type PrefixedKind = 'label' | 'edge' | 'comment' | 'member' | 'unknown';

export type KeyKind = (typeof NAMED)[number] | PrefixedKind;

const PREFIXED: Readonly<Record<string, PrefixedKind>> = {
  'l/': 'label',
  'd/': 'edge',
  'c/': 'comment',
  'm/': 'member',
  'x:': 'unknown',
};

/** The line's reserved key; nothing that a person or another tool writes may have it. */
export const CAUSAL_KEY = '_bd';

/** Undefined for a text that is no key. */
export function kindOf(key: string): KeyKind | undefined {
  if (key === RESERVED) return undefined;
  return NAMES.has(key) ? (key as KeyKind) : PREFIXED[key.slice(0, 2)];
}

/** What follows the prefix of a label, comment, member or unknown key. */
export function keyName(key: string): string {
  return key.slice(2);
}

export const labelKey = (label: string): string => `l/${label}`;
export const commentKey = (uid: string): string => `c/${uid}`;
export const memberKey = (name: string): string => `m/${name}`;
export const unknownKey = (name: string): string => `x:${name}`;

const RESERVED = unknownKey(CAUSAL_KEY);

/** A slash in the type is escaped, so that no two edges share a key. */
export function edgeKey({ type, depends_on_id: target }: Dependency): string {
  const safe = /[%/]/.test(type) ? type.replaceAll('%', '%25').replaceAll('/', '%2F') : type;
  return `d/${safe}/${target}`;
}

/** Keys shown in the order of their dots, hence with a dot of their own within one event. */
export function isSequenced(key: string): boolean {
  return key.startsWith('d/') || key.startsWith('c/') || key === 'parent';
}

/** Keys whose value is JSON text, as it was written. */
export function isJsonText(key: string): boolean {
  return key === 'metadata' || key.startsWith('m/') || key.startsWith('x:');
}

/** Keys whose value is a text of several lines: a comment's, or one of the issue's own. */
export function isLongText(key: string): boolean {
  return kindOf(key) === 'comment' || LONG_TEXTS.some((field) => field === key);
}

/** Elements are removed; registers are cleared, which is a value. */
export function isElement(key: string): boolean {
  return key.startsWith('l/') || key.startsWith('d/') || key.startsWith('c/');
}

const REQUIRED: ReadonlySet<string> = new Set([
  'title',
  'priority',
  'issue_type',
  'state',
  'created',
  'deleted',
]);

/** Registers that always hold a value: without it a record could not be read, or would mean another. */
export function isRequired(key: string): boolean {
  return REQUIRED.has(key);
}

/** Registers that people know by the name of their first member. */
const RENAMED: Readonly<Record<string, string>> = {
  state: 'status',
  claim: 'assignee',
  created: 'created_at',
};

const KEYS_OF_RENAMED: ReadonlyMap<string, string> = new Map(
  Object.entries(RENAMED).map(([key, name]) => [name, key]),
);

const UNKNOWN = 'unknown ';

/**
 * What people call a key of a state, unique within the issue: `title`, `status`, `metadata.team`,
 * `comment <uid>`, `label <label>`, `dependency <type> <target>`. A key that bd does not know goes by
 * its own name, after `unknown` where that is another field's.
 */
export function fieldName(key: string): string {
  const name = keyName(key);
  switch (kindOf(key)) {
    case 'label':
      return `label ${name}`;
    case 'comment':
      return `comment ${name}`;
    case 'member':
      return `metadata.${name}`;
    case 'edge':
      return edgeName(name);
    case 'unknown':
      return keyOfField(name) === key ? name : UNKNOWN + name;
    default:
      return RENAMED[key] ?? key;
  }
}

/** The inverse. A name that is no field's is that of a key which bd does not know. */
export function keyOfField(field: string): string {
  const renamed = KEYS_OF_RENAMED.get(field);
  if (renamed !== undefined) return renamed;
  if (NAMES.has(field) && !Object.hasOwn(RENAMED, field)) return field;
  if (field.startsWith('metadata.')) return memberKey(field.slice('metadata.'.length));
  const space = field.indexOf(' ');
  const rest = field.slice(space + 1);
  switch (field.slice(0, space + 1)) {
    case 'label ':
      return labelKey(rest);
    case 'comment ':
      return commentKey(rest);
    case 'dependency ':
      return keyOfEdgeName(rest) ?? unknownKey(field);
    case UNKNOWN:
      return unknownKey(rest);
    default:
      return unknownKey(field);
  }
}

/** The type has its `%` and `/` escaped already; its blanks too, and the first one ends it. */
function edgeName(typeAndTarget: string): string {
  const slash = typeAndTarget.indexOf('/');
  const type = typeAndTarget.slice(0, slash).replaceAll(' ', '%20');
  return `dependency ${type} ${typeAndTarget.slice(slash + 1)}`;
}

function keyOfEdgeName(name: string): string | undefined {
  const space = name.indexOf(' ');
  if (space < 0) return undefined;
  const type = name.slice(0, space);
  return `d/${type.replaceAll('%20', ' ')}/${name.slice(space + 1)}`;
}
