import type { CommandIo } from '../command-io.ts';

export type Paint = (text: string) => string;

export type Screen = ReturnType<typeof createScreen>;

const WIDTH_MIN = 40;

/** How answers are laid out: plain and of any width, unless the output is a terminal. */
export function createScreen(io: CommandIo) {
  const isColoured = io.stdoutIsTty && !io.env['NO_COLOR'] && io.env['TERM'] !== 'dumb';
  const paint =
    (open: number, close: number): Paint =>
    (text) =>
      isColoured && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    /** Columns that a line may fill; undefined unless the output is a terminal. */
    width: io.stdoutIsTty && io.columns > 0 ? Math.max(io.columns, WIDTH_MIN) : undefined,
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    yellow: paint(33, 39),
    green: paint(32, 39),
  };
}
