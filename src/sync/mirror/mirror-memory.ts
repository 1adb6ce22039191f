import type { CarriedLine } from '../../store/carried-lines.ts';
import type { Settings } from '../../store/settings.ts';
import { idOfLine } from '../intake/issue-lines.ts';

/** What is kept about one mirror file from one look to the next. */
export interface MirrorMemory {
  /** Of the content that was written or taken in last; undefined where there was no file. */
  hash(): string | undefined;
  /** The last event that the file needs no writing for; 0 for a file never seen. */
  seq(): number;
  /** Changes after this event are news for the file. */
  since(): number;
  /** Whether the file shows what the store held at `seq`, so that edits of it were made from that. */
  showsStore(): boolean;
  /** Call before the file is replaced. */
  writing(hash: string): void;
  wrote(hash: string, seq: number): void;
  /** The content is somebody else's and stays; undefined when they removed the file. */
  left(hash: string | undefined, seq: number): void;
  /** The content was taken in, and is to be replaced as soon as that may be. */
  postponed(hash: string | undefined): void;
  /** Lines of the file that cannot be read, and stay in it. */
  carried(): CarriedLine[];
  carry(lines: readonly Uint8Array[]): void;
}

/** Before every event, also when there are none. */
const NEVER = -1;

/**
 * `name` tells the files of one store apart; the main one has none. `firstSeq` is for a file that was
 * found only now: what happened before is no news for it.
 */
export function createMirrorMemory(
  settings: Settings,
  { name = '', firstSeq = 0 }: { name?: string; firstSeq?: number } = {},
): MirrorMemory {
  const keyOf = (what: string): string => `mirror_${what}${name === '' ? '' : ` ${name}`}`;
  const [hashKey, seqKey, foreignKey] = [keyOf('hash'), keyOf('seq'), keyOf('foreign')];
  const carriedKey = keyOf('carried');

  const keepForeign = (hash: string | undefined, seq: number): void => {
    // First: a base that is not one would take what was done since for undone.
    settings.set(foreignKey, 'true');
    if (hash === undefined) settings.delete(hashKey);
    else settings.set(hashKey, hash);
    settings.set(seqKey, String(seq));
  };

  return {
    hash: () => settings.get(hashKey),
    seq: () => Number(settings.get(seqKey) ?? 0),
    since: () => Number(settings.get(seqKey) ?? firstSeq),
    showsStore: () => settings.get(seqKey) !== undefined && settings.get(foreignKey) === undefined,
    writing: (hash) => settings.set(hashKey, hash),
    wrote(hash, seq) {
      settings.set(hashKey, hash);
      settings.set(seqKey, String(seq));
      settings.delete(foreignKey);
    },
    left: keepForeign,
    postponed: (hash) => keepForeign(hash, NEVER),
    carried() {
      const texts = JSON.parse(settings.get(carriedKey) ?? '[]') as string[];
      const lines = texts.map((text) => Buffer.from(text, 'base64'));
      return lines.map((line) => ({ line, issueId: idOfLine(line) }));
    },
    carry(lines) {
      const texts = lines.map((line) => Buffer.from(line).toString('base64'));
      if (texts.length > 0) settings.set(carriedKey, JSON.stringify(texts));
      else if (settings.get(carriedKey) !== undefined) settings.delete(carriedKey);
    },
  };
}
