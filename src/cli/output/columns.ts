import { cutToWidth, displayWidth } from './printable.ts';
import type { Paint, Screen } from './screen.ts';

/** A text, or one with its colour: widths are counted without. */
export type Cell = string | { text: string; paint: Paint };

const GAP = '  ';

/** Lines with aligned columns; on a terminal the last column is cut at its edge. */
export function alignColumns(rows: readonly (readonly Cell[])[], { width }: Screen): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, displayWidth(textOf(cell)));
    });
  }
  const lines = rows.map((row) => {
    const before = row.slice(0, -1);
    const start = before.map((cell, index) => pad(cell, widths[index] ?? 0) + GAP).join('');
    const startWidths = widths.slice(0, before.length);
    const startWidth = startWidths.reduce((sum, each) => sum + each + GAP.length, 0);
    const last = row.at(-1) ?? '';
    const room = width === undefined ? undefined : Math.max(width - startWidth, 1);
    return (start + paintOf(last, room)).trimEnd();
  });
  return lines.map((line) => `${line}\n`).join('');
}

function pad(cell: Cell, width: number): string {
  return paintOf(cell) + ' '.repeat(Math.max(width - displayWidth(textOf(cell)), 0));
}

function paintOf(cell: Cell, room?: number): string {
  const text = room === undefined ? textOf(cell) : cutToWidth(textOf(cell), room);
  return typeof cell === 'string' ? text : cell.paint(text);
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}
