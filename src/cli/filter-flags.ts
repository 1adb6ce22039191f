import type { FlagDefinition } from './command.ts';
import type { Flags } from './flags.ts';

/** Conditions that `list`, `search`, `count` and `ready` share; each command adds its own. */
export const FILTER_FLAGS: readonly FlagDefinition[] = [
  ['-p, --priority <priority>', 'of this priority'],
  ['-a, --assignee <name>', 'assigned to this person'],
  ['-t, --type <type>', 'of this type'],
  ['-l, --label <label>', 'with all of these labels'],
  ['--label-any <label>', 'with at least one of these labels'],
];

export const MORE_FILTER_FLAGS: readonly FlagDefinition[] = [
  ['-s, --status <status>', 'in one of these statuses; all for every one'],
  ['--id <id>', 'only these issues'],
  ['--title <text>', ''],
  ['--title-contains <text>', 'with this in the title'],
  ['--desc-contains <text>', 'with this in the description'],
  ['--notes-contains <text>', 'with this in the notes'],
  ['--priority-min <priority>', 'of this priority or less urgent'],
  ['--priority-max <priority>', 'of this priority or more urgent'],
  ['--created-after <time>', 'and --created-before, --updated-…, --closed-…'],
  ['--created-before <time>', ''],
  ['--updated-after <time>', ''],
  ['--updated-before <time>', ''],
  ['--closed-after <time>', ''],
  ['--closed-before <time>', ''],
  ['--empty-description', 'without description'],
  ['--no-assignee', 'without an assignee'],
  ['--no-labels', 'without labels'],
];

export const SORT_FLAGS: readonly FlagDefinition[] = [
  ['-n, --limit <count>', 'maximum number; 0 for all'],
  ['--sort <field>', 'priority, created, updated, closed, status, id, title, type or assignee'],
  ['-r, --reverse', 'reverse the order'],
];

export function readFilterFlags(flags: Flags) {
  const statuses = flags.list('status');
  return {
    statuses: statuses?.includes('all') === true ? undefined : statuses,
    priority: flags.priority('priority'),
    priority_min: flags.priority('priority-min'),
    priority_max: flags.priority('priority-max'),
    issue_type: flags.text('type'),
    assignee: flags.text('assignee'),
    no_assignee: flags.isSet('no-assignee'),
    labels: flags.list('label'),
    labels_any: flags.list('label-any'),
    no_labels: flags.isSet('no-labels'),
    ids: flags.list('id'),
    title_contains: flags.text('title-contains', 'title'),
    description_contains: flags.text('desc-contains'),
    notes_contains: flags.text('notes-contains'),
    empty_description: flags.isSet('empty-description'),
    created_after: flags.time('created-after'),
    created_before: flags.time('created-before'),
    updated_after: flags.time('updated-after'),
    updated_before: flags.time('updated-before'),
    closed_after: flags.time('closed-after'),
    closed_before: flags.time('closed-before'),
  };
}
