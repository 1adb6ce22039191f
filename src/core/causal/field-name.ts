import {
  isNamedKey,
  keyName,
  kindOf,
  labelKey,
  memberKey,
  commentKey,
  unknownKey,
} from './field-key.ts';

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
  if (isNamedKey(field) && !Object.hasOwn(RENAMED, field)) return field;
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
