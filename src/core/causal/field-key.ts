import type { Dependency, Issue } from '../issue.ts';

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

export type PlainField = (typeof PLAIN_FIELDS)[number];

export type KeyKind =
  | PlainField
  | 'state'
  | 'claim'
  | 'created'
  | 'deleted'
  | 'parent'
  | 'metadata'
  | 'metadata_order'
  | 'label'
  | 'edge'
  | 'comment'
  | 'member'
  | 'unknown';

const NAMED: ReadonlySet<string> = new Set([
  ...PLAIN_FIELDS,
  'state',
  'claim',
  'created',
  'deleted',
  'parent',
  'metadata',
  'metadata_order',
]);

const PREFIXED: Readonly<Record<string, KeyKind>> = {
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
  return NAMED.has(key) ? (key as KeyKind) : PREFIXED[key.slice(0, 2)];
}

/** Whether the key is a name, not one of a set of keys with a prefix. */
export function isNamedKey(key: string): boolean {
  return NAMED.has(key);
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

/** Keys whose value is the JSON text that somebody wrote. */
export function isJsonText(key: string): boolean {
  return key === 'metadata' || key.startsWith('m/') || key.startsWith('x:');
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
