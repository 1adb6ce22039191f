/**
 * 32 bits of a text (FNV-1a over its UTF-16 units, then mixed), as 8 hex digits. It finds lines that
 * were edited; it is no protection against forgery.
 */
export function seal(text: string): string {
  return hash(text, 0x811c9dc5).toString(16).padStart(8, '0');
}

/** 41 bits in 8 base36 characters, to name a version by its content. */
export function contentName(text: string): string {
  const high = hash(text, 0x811c9dc5) & 0x1ff;
  const low = hash(text, 0x9747b28c);
  return (high * 0x1_0000_0000 + low).toString(36).padStart(8, '0');
}

function hash(text: string, basis: number): number {
  let value = basis;
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
