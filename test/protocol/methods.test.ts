import { expect, test } from 'vitest';
import { DAEMON_METHODS } from '../../src/protocol/daemon-methods.ts';
import { METHODS } from '../../src/protocol/methods.ts';

const EFFECTS = {
  read: [
    'count_issues',
    'count_labels',
    'daemon_status',
    'dependency_cycles',
    'dependency_tree',
    'epic_status',
    'explain_config',
    'get_config',
    'get_info',
    'get_issue',
    'get_stats',
    'hello',
    'list_blocked',
    'list_comments',
    'list_config',
    'list_conflicts',
    'list_dependencies',
    'list_issues',
    'list_labels',
    'list_ready',
    'list_stale',
    'ping',
    'preview_issue',
    'read_events',
    'read_lines',
    'resolve_id',
    'sync_status',
  ],
  write: [
    'add_comment',
    'add_dependency',
    'add_label',
    'claim_issue',
    'close_issue',
    'create_issue',
    'delete_issues',
    'import',
    'remove_dependency',
    'remove_label',
    'reopen_issue',
    'resolve_conflict',
    'restore_issue',
    'update_issue',
  ],
  control: [
    'export',
    'migrate',
    'retire',
    'run_command',
    'set_config',
    'shutdown',
    'sync',
    'take_overdue_notice',
    'unset_config',
  ],
};

/** A wrong effect lets `--readonly` change something, or a change be done twice: say it here as well. */
test('every method says whether it reads, writes issues, or does something else', () => {
  const methods = Object.entries({ ...METHODS, ...DAEMON_METHODS });
  const of = (wanted: string): string[] =>
    methods
      .filter(([, { effect }]) => effect === wanted)
      .map(([name]) => name)
      .sort();
  expect({ read: of('read'), write: of('write'), control: of('control') }).toEqual(EFFECTS);
});
