import { OUTPUT_HELD_MS } from '../core/limits.ts';
import type { OutputParams } from '../protocol/daemon-methods.ts';

export interface HeldOutput {
  add(piece: OutputParams): void;
  /** All that came so far, and from now on at once. */
  show(): void;
  drop(): void;
  isShown(): boolean;
}

/**
 * What a short command prints is shown when its end is known: should the daemon be lost between the two,
 * the command can still be sent again. A longer one is shown as it comes.
 */
export function holdOutput(
  streams: Record<OutputParams['stream'], (text: string) => void>,
): HeldOutput {
  let held: OutputParams[] | undefined = [];
  let isShown = false;
  let timer: NodeJS.Timeout | undefined;
  const write = ({ stream, text }: OutputParams): void => {
    isShown = true;
    streams[stream](text);
  };
  const show = (): void => {
    clearTimeout(timer);
    for (const piece of held ?? []) write(piece);
    held = undefined;
  };
  return {
    add(piece) {
      if (held === undefined) return write(piece);
      held.push(piece);
      timer ??= setTimeout(show, OUTPUT_HELD_MS);
    },
    show,
    drop: () => clearTimeout(timer),
    isShown: () => isShown,
  };
}
