import { VECTOR_REPLICAS_MAX } from '../limits.ts';
import { isCounter, isReplica, type Dot } from './dot.ts';

/** Per replica, how many of its writes to this issue are known: all up to the counter, without gaps. */
export type VersionVector = ReadonlyMap<string, number>;

export function counterAt(vector: VersionVector, replica: string): number {
  return vector.get(replica) ?? 0;
}

/** Whether the write is known, alive or not. */
export function covers(vector: VersionVector, dot: Dot): boolean {
  return dot.counter <= (vector.get(dot.replica) ?? 0);
}

export function joinVectors(ours: VersionVector, theirs: VersionVector): VersionVector {
  const joined = new Map(ours);
  for (const [replica, counter] of theirs) {
    if (counter > (joined.get(replica) ?? 0)) joined.set(replica, counter);
  }
  return joined;
}

/** `replica.counter` by replica, a blank between them: the same text on every clone. */
export function formatVector(vector: VersionVector): string {
  return [...vector]
    .map(([replica, counter]) => `${replica}.${counter.toString(36)}`)
    .sort()
    .join(' ');
}

/** Undefined for anything that `formatVector` does not write. */
export function parseVector(text: string): VersionVector | undefined {
  const vector = new Map<string, number>();
  if (text === '') return vector;
  const members = text.split(' ', VECTOR_REPLICAS_MAX + 1);
  if (members.length > VECTOR_REPLICAS_MAX) return undefined;
  for (const member of members) {
    const [replica = '', counterText = ''] = member.split('.');
    const counter = parseInt(counterText, 36);
    if (!isReplica(replica) || !isCounter(counter)) return undefined;
    vector.set(replica, counter);
  }
  return formatVector(vector) === text ? vector : undefined;
}
