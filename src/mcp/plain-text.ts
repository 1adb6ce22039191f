/**
 * What a person does not see but a model reads: control characters but tab and line ends, and the
 * characters Unicode calls ignorable, such as directional marks, zero-width and tag characters. One
 * variation selector belongs to an emoji; several in a row carry a hidden message.
 */
const INVISIBLE =
  /(?![\t\n\r]|[\u{fe00}-\u{fe0f}])[\p{Cc}\p{Default_Ignorable_Code_Point}\u{fff9}-\u{fffb}]|[\u{fe00}-\u{fe0f}]{2,}/gu;

export function withoutInvisible(text: string): string {
  return text.replace(INVISIBLE, '');
}

/** At most `charsMax` UTF-16 units, and no half of a surrogate pair at the end. */
export function cutText(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const last = text.charCodeAt(charsMax - 1);
  const isHalf = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, isHalf ? charsMax - 1 : charsMax);
}
