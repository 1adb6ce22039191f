const BASIS = 0x811c9dc5;
const OTHER_BASIS = 0x9747b28c;
const PRIME = 0x01000193;

/**
 * 32 bits of a text (FNV-1a over its UTF-16 units, then mixed), as 8 hex digits. It finds lines that
 * were edited; it is no protection against forgery.
 */
export function seal(text: string): string {
  let hash = BASIS;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return mix(hash).toString(16).padStart(8, '0');
}

/** 41 bits in 8 base36 characters, to name a version by its content: the texts one after another. */
export function contentName(...texts: readonly string[]): string {
  let [high, low] = [BASIS, OTHER_BASIS];
  // Both at once, and the texts as they are: a joined text is slow to read by character.
  for (const text of texts) {
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      high = Math.imul(high ^ unit, PRIME);
      low = Math.imul(low ^ unit, PRIME);
    }
  }
  const bits = (mix(high) & 0x1ff) * 0x1_0000_0000 + mix(low);
  return bits.toString(36).padStart(8, '0');
}

function mix(hash: number): number {
  let value = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
