import { BdError } from '../../src/core/errors.ts';
import type { Call } from '../../src/protocol/methods.ts';
import type { Random } from './random.ts';

/** One write: its word is in nobody else's, and stands in the value that was written. */
interface ModelWrite {
  issueId: string;
  field: string;
  word: string;
  /** Somebody wrote the field after having seen this. */
  isReplaced: boolean;
}

/** Everything that was written in any clone, and who had seen what: no merge, no clock, no git. */
export interface WriteModel {
  /** One random change through an operation; returns what it was. */
  change(call: Call, random: Random): Promise<string>;
  /** What was written and never knowingly replaced, and is not to be seen; deleted issues that live. */
  missing(call: Call): Promise<string[]>;
  readonly writeCount: number;
}

const FIELDS = ['title', 'assignee', 'external_ref', 'notes'] as const;

/** Texts are searched as JSON, where `n` stands before what begins a line. */
const WORD = /w\d+w/g;

export function createWriteModel(): WriteModel {
  const writes: ModelWrite[] = [];
  const deleted = new Set<string>();
  let count = 0;
  const newWord = (): string => `w${++count}w`;

  const note = (issueId: string, field: string, word: string): void => {
    writes.push({ issueId, field, word, isReplaced: false });
  };
  const replace = (issueId: string, field: string | undefined, seen: ReadonlySet<string>): void => {
    for (const write of writes) {
      if (write.issueId !== issueId || (field !== undefined && write.field !== field)) continue;
      if (seen.has(write.word)) write.isReplaced = true;
    }
  };

  const create: Change = async (call) => {
    const word = newWord();
    const issue = { title: word };
    const { issue_id: id } = await call('create_issue', { issue });
    note(id, 'title', word);
    return `create ${id}`;
  };

  const changes: ((id: string) => Change)[] = [
    ...FIELDS.map((field) => (id: string): Change => async (call) => {
      const seen = await visibleWords(call, id);
      const word = newWord();
      await call('update_issue', { issue_id: id, changes: { [field]: word } });
      replace(id, field, seen);
      note(id, field, word);
      return `${field} of ${id} := ${word}`;
    }),
    (id) => async (call) => {
      const seen = await visibleWords(call, id);
      const word = newWord();
      const { changed } = await call('close_issue', { issue_id: id, reason: word, force: true });
      if (!changed) return `${id} is closed`;
      replace(id, 'status', seen);
      note(id, 'status', word);
      return `close ${id} (${word})`;
    },
    (id) => async (call) => {
      const seen = await visibleWords(call, id);
      const { changed } = await call('reopen_issue', { issue_id: id });
      if (changed) replace(id, 'status', seen);
      return `reopen ${id}`;
    },
    (id) => async (call) => {
      const word = newWord();
      await call('add_label', { issue_id: id, label: word });
      note(id, word, word);
      return `label ${id} ${word}`;
    },
    (id) => async (call) => {
      const { labels } = await call('list_labels', { issue_id: id });
      const [label] = labels;
      if (label === undefined) return `${id} has no label`;
      await call('remove_label', { issue_id: id, label });
      replace(id, label, new Set([label]));
      return `unlabel ${id} ${label}`;
    },
    (id) => async (call) => {
      const word = newWord();
      await call('add_comment', { issue_id: id, text: word });
      note(id, word, word);
      return `comment ${id} ${word}`;
    },
    (id) => async (call, random) => {
      const other = random.pick(await liveIds(call));
      await call('add_dependency', { issue_id: id, depends_on_id: other });
      return `${id} needs ${other}`;
    },
  ];

  const remove = async (call: Call, id: string): Promise<string> => {
    await call('delete_issues', { issue_ids: [id] });
    deleted.add(id);
    return `delete ${id}`;
  };

  return {
    async change(call, random) {
      const ids = await liveIds(call);
      if (ids.length < 3 || random.chance(0.15)) return create(call, random);
      const id = random.pick(ids);
      try {
        if (random.chance(0.04)) return await remove(call, id);
        return await random.pick(changes)(id)(call, random);
      } catch (error) {
        // A rule of the product's, as that no dependency closes a cycle.
        if (error instanceof BdError) return `${id} refused: ${error.message}`;
        throw error;
      }
    },
    async missing(call) {
      const found: string[] = [];
      const live = new Set(await liveIds(call));
      for (const id of deleted) if (live.has(id)) found.push(`${id} was deleted, and lives`);
      const issueIds = new Set(writes.map(({ issueId }) => issueId));
      for (const id of issueIds) {
        if (deleted.has(id)) continue;
        const seen = live.has(id) ? await visibleWords(call, id) : new Set();
        for (const { field, word, isReplaced, issueId } of writes) {
          if (issueId !== id || isReplaced || seen.has(word)) continue;
          found.push(`${field} of ${id}: ${word} is lost`);
        }
      }
      return found;
    },
    get writeCount() {
      return writes.length;
    },
  };
}

type Change = (call: Call, random: Random) => Promise<string>;

async function liveIds(call: Call): Promise<string[]> {
  const { issues } = await call('list_issues', {});
  return issues.map(({ id }) => id).sort();
}

/** The words of all that is shown of an issue, and of what concurs with it. */
async function visibleWords(call: Call, id: string): Promise<Set<string>> {
  const shown = await call('get_issue', { issue_id: id });
  const { conflicts } = await call('list_conflicts', { issue_id: id });
  const { dependencies: _needs, dependents: _needed, ...own } = shown.issue;
  return new Set(JSON.stringify([own, conflicts]).match(WORD) ?? []);
}
