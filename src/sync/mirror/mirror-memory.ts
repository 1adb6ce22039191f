import type { CarriedLine } from '../../store/lines.ts';
import type { MirrorNote, State } from '../../store/state.ts';
import { idOfLine } from '../intake/issue-lines.ts';

/** Before every event, also when there are none. */
const NEVER = -1;

/**
 * What the store remembers of one mirror file. `name` is unique among the store's files; the main one has none.
 * `firstSeq` is for a file that was found only now: earlier events are no news for it.
 */
export function createMirrorMemory(
  state: State,
  { name = '', firstSeq = 0 }: { name?: string; firstSeq?: number } = {},
) {
  const key = `mirror:${name}` as const;
  const note = (): MirrorNote => state.get(key) ?? {};
  const change = (changed: MirrorNote): void => state.set(key, { ...note(), ...changed });

  return {
    /** Of the content that was written or taken in last; undefined when there was no file. */
    hash: () => note().hash,
    /** The last event that the file does not have to be written for; 0 for a file never seen. */
    seq: () => note().seq ?? 0,
    /** Changes after this event are news for the file. */
    since: () => note().seq ?? firstSeq,
    /** Whether the file shows what the store held at `seq`, so that edits of it were made from that. */
    showsStore: () => note().seq !== undefined && note().isForeign !== true,
    /** The stamp of the file with that content, if no later write can leave it unchanged. */
    stamp: () => note().stamp,
    wrote: (hash: string, { seq, stamp }: { seq: number; stamp: string | undefined }) =>
      change({ hash, seq, stamp, isForeign: false }),
    /** Another program wrote the content, and it stays; undefined when the file was removed. */
    left: (hash: string | undefined, seq: number) =>
      change({ hash, seq, stamp: undefined, isForeign: true }),
    /** The content was taken in, and will be replaced when git is done. */
    postponed: (hash: string | undefined) =>
      change({ hash, seq: NEVER, stamp: undefined, isForeign: true }),
    /** Lines of the file that cannot be read, and stay in it. */
    carried(): CarriedLine[] {
      const lines = (note().carried ?? []).map((text) => Buffer.from(text, 'base64'));
      return lines.map((line) => ({ line, issueId: idOfLine(line) }));
    },
    carry(lines: readonly Uint8Array[]): void {
      const carried = lines.map((line) => Buffer.from(line).toString('base64'));
      if (carried.length > 0 || (note().carried ?? []).length > 0) change({ carried });
    },
  };
}

export type MirrorMemory = ReturnType<typeof createMirrorMemory>;
