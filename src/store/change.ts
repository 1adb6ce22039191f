/** Where a change came from: all but `remote` ones are news to the other clones. */
export type Origin = 'local' | 'import' | 'mirror' | 'remote';

export type ChangeKind =
  | 'created'
  | 'updated'
  | 'claimed'
  | 'closed'
  | 'reopened'
  | 'deleted'
  | 'restored'
  /** Deleted long ago: its content is gone. */
  | 'shrunk'
  | 'commented'
  | 'label_added'
  | 'label_removed'
  | 'dependency_added'
  | 'dependency_removed'
  /** Concurrent changes that somebody may want to decide between came together. */
  | 'conflicted'
  | 'conflict_resolved'
  /** Somebody else had claimed the issue before this clone did. */
  | 'claim_lost'
  /** The issue got another id, because another one had been created with the same. */
  | 'moved';

/** What an event says about one change, beyond what the record itself shows. */
export interface Change {
  kind: ChangeKind;
  actor: string;
  origin: Origin;
  atMs: number;
  /** What an event of this kind tells besides which fields changed. */
  data?: Record<string, unknown>;
}
