import { SYNC_MODES, type SyncMode, type SyncReport, type SyncStatus } from '../../core/sharing.ts';
import type { Timestamp } from '../../core/timestamp.ts';
import { OFFSET_PATTERN } from '../../core/event-offset.ts';
import { LINE_BYTES_MAX, TEXT_CHARS_MAX } from '../../core/limits.ts';
import { choice, either, flag, integer, list, matching, optional, text } from '../shape.ts';
import { control, read, result, write } from './method.ts';

const key = text({ min: 1, max: 200 });
const path = text({ min: 1, max: 4096 });
const eventOffset = matching(OFFSET_PATTERN, 'an offset, as in `next` and in each event');

export const workspaceMethods = {
  ping: read({}, result<{ message: 'pong'; version: string; pid: number; workspace: string }>()),
  get_info: read({}, result<WorkspaceInfo>()),
  /**
   * One full cycle: fetch, join, commit, push; settles when all is shared or the reason why not is known.
   * `publish` creates the branch on the remote again after it was deleted there.
   */
  sync: control({ publish: optional(flag()) }, result<SyncReport>()),
  sync_status: read({}, result<WorkspaceStatus>()),
  /** What has waited too long to be shared; reported once in ten minutes, to the first caller. */
  take_overdue_notice: control({}, result<{ overdue: Overdue | null }>()),
  /** Writes the mirror, or JSONL to `path` (absolute). */
  export: control({ path: optional(path) }, result<{ path: string; exported: number }>()),
  /** A page of canonical lines in id order, deleted issues among them; `after` is the last id seen. */
  read_lines: read(
    {
      after: optional(text({ max: 200 })),
      limit: optional(integer({ min: 1, max: 10_000 })),
    },
    /** `next` is what to pass as `after`; null at the end. */
    result<{ lines: string[]; next: string | null }>(),
  ),
  /** JSONL from `path` (absolute) or from `lines`. */
  import: write(
    {
      path: optional(path),
      lines: optional(list(text({ max: LINE_BYTES_MAX }), { max: 1_000_000 })),
      skip_existing: optional(flag()),
      dry_run: optional(flag()),
    },
    result<ImportReport>(),
  ),
  read_events: read(
    {
      /** The `offset` of the last event already seen; a number is a `seq`, as protocol 1 has it. */
      after: optional(either(eventOffset, integer({ min: 0, max: Number.MAX_SAFE_INTEGER }))),
      limit: optional(integer({ min: 1, max: 10_000 })),
    },
    result<{ events: StoredEvent[]; next: string | number }>(),
  ),
  get_config: read({ key }, result<{ key: string; value: string | null }>()),
  set_config: control(
    { key, value: text({ max: TEXT_CHARS_MAX }) },
    result<SettingReport & { value: string }>(),
  ),
  unset_config: control({ key }, result<SettingReport>()),
  /** To another `sync.mode`; with `dry_run` only reports what that would change. */
  migrate: control(
    { to: choice(SYNC_MODES), dry_run: optional(flag()) },
    result<MigrationReport>(),
  ),
  list_config: read({}, result<{ config: Record<string, string> }>()),
  explain_config: read({}, result<{ entries: ConfigEntry[] }>()),
};

export type WorkspaceStatus = SyncStatus & {
  /** Issues with something in them that is for people to decide. */
  conflicts: number;
};

export interface Overdue {
  /** Changed issues that wait. */
  pending: number;
  since: Timestamp;
  /** Why; null when nothing has tried to share them. */
  error: string | null;
}

export interface MigrationReport {
  from: SyncMode;
  to: SyncMode;
  /** What was changed, or would be; one sentence each. */
  changes: string[];
  /** What is the person's to do: sentences, and commands to run in the project's directory. */
  left: string[];
  /** What is not shared as it should be, and why; null when all is well. */
  warning: string | null;
  dry_run: boolean;
}

/** What a setting that changes how issues are shared changed beside itself. */
export interface SettingReport extends Partial<
  Pick<MigrationReport, 'changes' | 'left' | 'warning'>
> {
  key: string;
}

export interface ImportReport {
  created: number;
  updated: number;
  unchanged: number;
  skipped: number;
  /** Lines that were refused; the others are in. */
  problems: { line: number; problem: string }[];
  /** Issues that got another id, as another clone had created one with theirs. */
  moved: { from: string; to: string }[];
  /** Claims made here that lost to an earlier one elsewhere. */
  lost_claims: { issue_id: string; winner: string; loser: string }[];
  /** Issues that two copies of one clone wrote; both versions are kept. */
  doubled: string[];
  /** The three above, a sentence each. */
  notices: string[];
  dry_run: boolean;
}

export interface StoredEvent {
  /** Its place in this clone's log, for `after`: `<generation>_<seq>`. */
  offset: string;
  seq: number;
  /** Stable and unique over all clones. */
  id: string;
  issue_id: string;
  kind: string;
  actor: string;
  origin: string;
  created_at: string;
  /** `changed`: the names of the fields; `status`: from and to, when it changed. */
  data: Record<string, unknown>;
}

export interface WorkspaceInfo {
  workspace: string;
  database_path: string;
  mirror_path: string;
  prefix: string;
  project_id: string;
  issue_count: number;
  schema_version: number;
  config: Record<string, string>;
}

export interface ConfigEntry {
  key: string;
  value: string;
  /** `default`, `.beads/config.yaml` or the name of the environment variable. */
  source: string;
}
