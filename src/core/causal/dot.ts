import { WRITE_MS_MAX, VECTOR_REPLICAS_MAX } from '../limits.ts';

/**
 * One write: the replica (a clone's database) that made it, its number there, and when its clock
 * said it was. Replica and counter identify it; the time only orders what is shown.
 */
export interface Dot {
  readonly replica: string;
  /** From 1, per issue and replica, without gaps. */
  readonly counter: number;
  readonly ms: number;
}

const DOT = /^([0-9a-z]{1,12})\.([0-9a-z]{1,11})\.([0-9a-z]{1,11})$/;
/** Base36, as in a line. A clone's own id has 6 characters; 8 name a version that no clone of ours wrote. */
const REPLICA = /^[0-9a-z]{1,12}$/;

/** By time, then replica, then counter: a total order that each clone computes alike. */
export function compareDots(left: Dot, right: Dot): number {
  if (left.ms !== right.ms) return left.ms - right.ms;
  if (left.replica !== right.replica) return left.replica < right.replica ? -1 : 1;
  return left.counter - right.counter;
}

/** Whether both name the same write, whatever they say of its time. */
export function isSameDot(left: Dot, right: Dot): boolean {
  return left.counter === right.counter && left.replica === right.replica;
}

/** `replica.counter.ms`, numbers in base36. */
export function formatDot(dot: Dot): string {
  return `${dot.replica}.${dot.counter.toString(36)}.${dot.ms.toString(36)}`;
}

/** Undefined for anything that `formatDot` does not write. */
export function parseDot(text: string): Dot | undefined {
  const [, replica, counterText, msText] = DOT.exec(text) ?? [];
  if (replica === undefined || counterText === undefined || msText === undefined) return undefined;
  const dot = { replica, counter: parseInt(counterText, 36), ms: parseInt(msText, 36) };
  const isPossible = isCounter(dot.counter) && dot.ms <= WRITE_MS_MAX;
  return isPossible && formatDot(dot) === text ? dot : undefined;
}

function isCounter(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

/** Per replica, how many of its writes to this issue are known: all up to the counter, without gaps. */
export type VersionVector = ReadonlyMap<string, number>;

export function counterAt(vector: VersionVector, replica: string): number {
  return vector.get(replica) ?? 0;
}

/** Whether the write is known, alive or not. */
export function covers(vector: VersionVector, dot: Dot): boolean {
  return dot.counter <= counterAt(vector, dot.replica);
}

/** Whether the other vector knows all that this one does. */
export function isWithin(vector: VersionVector, other: VersionVector): boolean {
  return [...vector].every(([replica, counter]) => counter <= counterAt(other, replica));
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
    if (!REPLICA.test(replica) || !isCounter(counter)) return undefined;
    vector.set(replica, counter);
  }
  return formatVector(vector) === text ? vector : undefined;
}
