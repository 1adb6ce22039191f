import type { Comment } from '../issue.ts';
import { timestampMs } from '../timestamp.ts';
import { contentName } from './text-hash.ts';

/**
 * Names a comment by its author, text and time: its numeric id belongs to one database, and two clones give
 * one number to different comments. The name stays when the text is edited.
 */
function contentUid({ author, text, created_at: createdAt }: Comment): string {
  return contentName(JSON.stringify([author, timestampMs(createdAt), text]));
}

/** A uid for each comment of a line; the second equal one gets `.2`. */
export function uidsOf(comments: readonly Comment[]): string[] {
  return matchUids([], comments);
}

/**
 * Finds the comments of `before` in `after`: by content, then, for one whose text was edited, by author
 * and time. Others get a new uid.
 */
export function matchUids(
  before: readonly { uid: string; comment: Comment }[],
  after: readonly Comment[],
): string[] {
  const left = [...before];
  const take = (nameOf: (comment: Comment) => string, wanted: Comment): string | undefined => {
    const at = left.findIndex(({ comment }) => nameOf(comment) === nameOf(wanted));
    return at < 0 ? undefined : left.splice(at, 1)[0]?.uid;
  };
  const sameContent = after.map((comment) => take(contentUid, comment));
  const found = after.map((comment, at) => sameContent[at] ?? take(writingName, comment));
  const taken = new Set(before.map(({ uid }) => uid));
  return after.map((comment, at) => {
    const uid = found[at] ?? freeUid(contentUid(comment), taken);
    taken.add(uid);
    return uid;
  });
}

function writingName({ author, created_at: createdAt }: Comment): string {
  return `${timestampMs(createdAt)} ${author}`;
}

function freeUid(uid: string, taken: ReadonlySet<string>): string {
  if (!taken.has(uid)) return uid;
  let number = 2;
  while (taken.has(`${uid}.${number}`)) number += 1;
  return `${uid}.${number}`;
}
