import type { Database } from 'better-sqlite3';

/** A line word for word, with its issue's id where that can be told. */
export interface CarriedLine {
  line: Uint8Array;
  issueId: string | undefined;
}

/** Lines of the branch that this bd cannot read. They stay there as they are, beside ours, for whoever can. */
export interface CarriedLines {
  all(): CarriedLine[];
  replaceBy(lines: readonly CarriedLine[]): void;
}

export function createCarriedLines(database: Database): CarriedLines {
  const select = database.prepare<[], { line: Buffer; issue_id: string | null }>(
    'SELECT line, issue_id FROM carried_lines',
  );
  const clear = database.prepare('DELETE FROM carried_lines');
  const insert = database.prepare('INSERT INTO carried_lines (line, issue_id) VALUES (?, ?)');
  return {
    all: () => select.all().map((row) => ({ line: row.line, issueId: row.issue_id ?? undefined })),
    replaceBy(lines) {
      clear.run();
      for (const { line, issueId } of lines) insert.run(line, issueId ?? null);
    },
  };
}
