import { classicPart, lineToJson } from '../core/causal/decode-line.ts';
import { encodeValue, type IssueJson } from '../core/issue-line.ts';
import type { Database, SqlText } from '../platform/sqlite.ts';

/** The fields that are searched, whatever the case. */
const SEARCHED = ['id', 'title', 'description', 'design', 'acceptance_criteria', 'notes'] as const;

/** Of a long text, so many of its trigrams leave few other issues. */
const TRIGRAMS_MAX = 16;

const WAITING = 'SELECT number, record FROM search_waiting JOIN issues USING (number) LIMIT ?';
const ANY_WAITING = 'SELECT 1 FROM search_waiting LIMIT 1';
const DROP = 'DELETE FROM search WHERE rowid = ?';
const ADD = 'INSERT INTO search (rowid, text) VALUES (?, ?)';
const DONE = 'DELETE FROM search_waiting WHERE number = ?';
// A negative number begins to merge all segments of the index into one.
const MERGE = "INSERT INTO search (search, rank) VALUES ('merge', ?)";
const CHANGES = 'SELECT total_changes()';

/** After so many issues in a row, an import say, a search would have many segments to look into. */
const MERGED_AFTER = 1_000;

/** Of 4 KiB: some milliseconds of work. */
const PAGES_MERGED_AT_ONCE = 32;

/**
 * The table `search` has the trigrams of each issue. To put them in takes longer than all else that a write does,
 * so a write only leaves the issue's number in `search_waiting`, and the index is brought up to date at rest.
 */
export function createSearchIndex(
  database: Database,
  { transaction }: { transaction: (work: () => void) => void },
) {
  let indexed = 0;
  let pagesToMerge = 0;
  const isAnyWaiting = (): boolean => database.prepare(ANY_WAITING).get() !== undefined;
  const indexSome = (limit: number): void => {
    const waiting = database.prepare<[number], { number: number; record: string }>(WAITING);
    for (const { number, record } of waiting.all(limit)) {
      database.prepare(DROP).run(number);
      database.prepare(ADD).run(number, searchedText(lineToJson(record)));
      database.prepare(DONE).run(number);
      indexed += 1;
    }
  };
  const merge = (): void => {
    const changes = database.prepare<[], number>(CHANGES).pluck();
    const before = changes.get() ?? 0;
    database.prepare(MERGE).run(pagesToMerge);
    const isDone = (changes.get() ?? 0) - before < 2;
    pagesToMerge = isDone ? 0 : PAGES_MERGED_AT_ONCE;
  };
  return {
    /** Takes in at most `limit` of the issues that wait, or merges what was taken in; returns whether there is more to do. */
    indexWaiting(limit: number): boolean {
      if (isAnyWaiting()) {
        transaction(() => indexSome(limit));
        if (indexed >= MERGED_AFTER) pagesToMerge = -PAGES_MERGED_AT_ONCE;
      } else if (pagesToMerge !== 0) {
        indexed = 0;
        transaction(merge);
      }
      return pagesToMerge !== 0 || isAnyWaiting();
    },
  };
}

/** Folded here, as the tokenizer folds other letters than JavaScript does. It may end a text at a NUL. */
function searchedText(issue: IssueJson): string {
  const texts = SEARCHED.map((field) => issue[field] ?? '');
  return texts.join('\n').toLowerCase().replaceAll('\0', '\n');
}

/** The functions that `textCondition` and the filters on one field call. */
export function defineTextFunctions(database: Database): void {
  // LIKE folds ASCII only; people write in every script.
  database.function('holds', { deterministic: true }, (text: unknown, part: unknown) =>
    Number(typeof text === 'string' && text.toLowerCase().includes(String(part))),
  );
  database.function(
    'mentions',
    { deterministic: true },
    (line: unknown, part: unknown, encoded: unknown) =>
      Number(mentions(String(line), String(part), String(encoded))),
  );
}

/** `encoded` is the part as any line has it, or empty: most lines that have it not need not be parsed. */
function mentions(line: string, part: string, encoded: string): boolean {
  const head = headOf(line);
  if (!head.toLowerCase().includes(encoded)) return false;
  const issue = JSON.parse(head) as IssueJson;
  return SEARCHED.some((field) => issue[field]?.toLowerCase().includes(part) ?? false);
}

/** What comes behind the status has no text that is searched. */
function headOf(line: string): string {
  const end = line.indexOf(',"status":');
  // The value of a key that bd does not know may hold anything, and only one such key comes before the texts.
  const isPlain = end >= 0 && !line.slice(0, end).includes('"content_hash":');
  return isPlain ? `${line.slice(0, end)}}` : classicPart(line);
}

/** Issues whose texts hold this one, whatever the case. */
export function textCondition(text: string): SqlText {
  const part = text.toLowerCase();
  const mentioned = { sql: 'mentions(record, ?, ?)', values: [part, encodedPart(part)] };
  const trigrams = trigramsOf(part);
  if (trigrams.length === 0) return mentioned;
  return {
    sql: `number IN (
      SELECT rowid FROM search WHERE search MATCH ? UNION ALL SELECT number FROM search_waiting
    ) AND ${mentioned.sql}`,
    values: [trigrams.map(quoted).join(' AND '), ...mentioned.values],
  };
}

/** Whether the index finds the issues that hold a text. */
export function isIndexed(text: string): boolean {
  return trigramsOf(text.toLowerCase()).length > 0;
}

/** How a sigma is folded depends on the characters around it, which are others in a line. */
function encodedPart(part: string): string {
  return /[σς]/.test(part) ? '' : encodeValue(part).slice(1, -1);
}

/** None of a text that is shorter, or that SQLite cannot be given as it is. */
function trigramsOf(part: string): string[] {
  if (part.includes('\0')) return [];
  const characters = Array.from(part);
  const all = characters.slice(2).map((_, at) => characters.slice(at, at + 3).join(''));
  const trigrams = [...new Set(all)];
  const step = Math.ceil(trigrams.length / TRIGRAMS_MAX);
  return trigrams.filter((_, at) => at % step === 0);
}

function quoted(token: string): string {
  return `"${token.replaceAll('"', '""')}"`;
}
