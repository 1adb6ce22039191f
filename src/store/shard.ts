import { createHash } from 'node:crypto';

/** Into how many parts the issues of a large project are split on their branch. */
export const SHARDS = 256;

/** The part that an issue belongs to: the first byte of SHA-1 over its id in UTF-8. */
export function shardOf(issueId: string): number {
  return createHash('sha1').update(issueId).digest()[0] ?? 0;
}
