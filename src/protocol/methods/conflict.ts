import type { IssueJson } from '../../core/issue-line.ts';
import { NAME_CHARS_MAX } from '../../core/limits.ts';
import { flag, json, optional, text } from '../shape.ts';
import { read, result, write } from './method.ts';
import { actor, changedIssue, issueId } from './issue.ts';

/** A key of the metadata, or one that bd does not know, can be longer than any name of bd's own. */
const FIELD_CHARS_MAX = 100 * NAME_CHARS_MAX;

export const conflictMethods = {
  list_conflicts: read(
    { issue_id: optional(issueId) },
    /** `kept_aside`: files of lines that could not be read, in this clone; the rest is the same in all. */
    result<{ conflicts: ConflictJson[]; kept_aside: string[] }>(),
  ),
  /** One of `take`, `value` and `merge`. */
  resolve_conflict: write(
    {
      issue_id: issueId,
      field: text({ min: 1, max: FIELD_CHARS_MAX }),
      /** `winner`, `other`, or the number of one of the others, from 1. */
      take: optional(text({ min: 1, max: 20 })),
      value: optional(json()),
      merge: optional(flag()),
      actor,
    },
    /** `value`: what the field is now. */
    result<{ issue: IssueJson; field: string; kind: ConflictKind; value: unknown }>(),
  ),
  restore_issue: write({ issue_id: issueId, actor }, changedIssue),
};

export type ConflictKind =
  /** Written concurrently. */
  | 'values'
  /** Written without knowledge that the issue was deleted. */
  | 'edited-while-deleted'
  /** Two issues were created with one id. */
  | 'id-collision'
  /** A copied clone wrote two values under one name. */
  | 'duplicate-write'
  /** A dependency that does not count, as it closes a cycle with others. */
  | 'cycle';

export interface VersionJson {
  /** Null: cleared. */
  value: unknown;
  /** By its writer's clock. Null, like `replica`, for what was not written but derived. */
  written_at: string | null;
  /** The clone that wrote it, or the name of a version that another tool wrote. */
  replica: string | null;
}

export interface ConflictJson {
  issue_id: string;
  title: string;
  field: string;
  kind: ConflictKind;
  shown: VersionJson;
  /** Latest first. */
  others: VersionJson[];
}
