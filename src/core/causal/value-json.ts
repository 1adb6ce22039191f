import type { Dependency } from '../issue.ts';
import { keyName, kindOf } from './field-key.ts';
import type { Deletion, Value } from './issue-state.ts';

/**
 * A value as JSON data: a text, a number, an object for what moves together, the target for a parent.
 * Null is what was cleared.
 */
export function valueToJson(key: string, value: Value): unknown {
  const kind = kindOf(key);
  if (kind === 'label') return keyName(key);
  if (value === undefined) return null;
  switch (kind) {
    case 'unknown':
    case 'member':
    case 'metadata':
      return JSON.parse(value as string) as unknown;
    case 'parent':
      return (value as Dependency).depends_on_id;
    case 'deleted': {
      const { seen: _seen, ...deletion } = value as Deletion;
      return deletion;
    }
    default:
      return value;
  }
}
