import { shownSibling } from '../../core/causal/shown.ts';
import type { Workspace } from '../workspace.ts';

/** A long text as it stands: the one shown first, and others while nobody has decided between them. */
export function textVersions({ store }: Workspace, id: string, field: string): string[] {
  const siblings = store.issues.state(id)?.entries.get(field);
  if (siblings === undefined) return [];
  const values = [shownSibling(field, siblings), ...siblings].map(({ value }) => value);
  return [...new Set(values)].map((value) => (typeof value === 'string' ? value : ''));
}
