/** Where a change came from: all but `remote` ones are news to the other clones. */
export type Origin = 'local' | 'import' | 'mirror' | 'remote';

export type ChangeKind =
  | 'created'
  | 'updated'
  | 'claimed'
  | 'closed'
  | 'reopened'
  | 'deleted'
  | 'commented'
  | 'label_added'
  | 'label_removed'
  | 'dependency_added'
  | 'dependency_removed';

/** What an event says about one change, beyond what the record itself shows. */
export interface Change {
  kind: ChangeKind;
  actor: string;
  origin: Origin;
  atMs: number;
}
