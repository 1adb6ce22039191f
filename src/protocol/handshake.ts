import { RETIRE_COOLDOWN_MS } from '../core/limits.ts';
import { VERSION } from '../core/version.ts';

/** A program at one end of a connection. */
export interface Party {
  version: string;
  protocol: ProtocolRange;
}

/**
 * What a daemon does when a `bd` of another version calls it. Only a newer client retires a daemon, as its
 * command is for a daemon of its own version, so two installed versions do not keep ending each other's: the
 * newer daemon serves an older client where both speak one protocol. An older daemon that is started again
 * anyway is retired only once in a while.
 */
export function decideHandshake(
  daemon: Party,
  client: Party | undefined,
  { sinceRetirementMs }: { sinceRetirementMs: number },
): 'serve' | 'retire' | 'client_too_old' {
  // A client that does not state its version is served.
  if (client === undefined) return 'serve';
  const order = compareVersions(client.version, daemon.version);
  if (order === undefined || order === 0) return 'serve';
  const understands = overlap(daemon.protocol, client.protocol) !== undefined;
  if (order < 0) return understands ? 'serve' : 'client_too_old';
  const isCooling = sinceRetirementMs >= 0 && sinceRetirementMs < RETIRE_COOLDOWN_MS;
  return isCooling && understands ? 'serve' : 'retire';
}

/** The protocols that `hello` asks for; ours when it does not say. */
export function readProtocol(params: unknown): ProtocolRange {
  const { protocol } = { ...(params as { protocol?: unknown } | undefined) };
  return readRange(protocol) ?? PROTOCOL;
}

/** The newest protocol that both speak. */
export function overlap(one: ProtocolRange, other: ProtocolRange): number | undefined {
  const newest = Math.min(one.max, other.max);
  return newest >= Math.max(one.min, other.min) ? newest : undefined;
}

/**
 * The `client` member of a request, read before all else: a newer client may send members beside it
 * that are not known here, and must learn that it is newer. Undefined when it cannot be read.
 */
export function readClient(params: unknown): Party | undefined {
  const { client } = { ...(params as { client?: unknown } | undefined) };
  const { version, protocol } = { ...(client as { version?: unknown; protocol?: unknown } | null) };
  const range = readRange(protocol);
  return typeof version === 'string' && range !== undefined
    ? { version, protocol: range }
    : undefined;
}

function readRange(value: unknown): ProtocolRange | undefined {
  const [min, max]: unknown[] = Array.isArray(value) ? value : [];
  return typeof min === 'number' && typeof max === 'number' ? { min, max } : undefined;
}

const SEMVER = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

/** By the rules of semver; undefined when one of them is no version. */
export function compareVersions(one: string, other: string): number | undefined {
  const [left, right] = [SEMVER.exec(one), SEMVER.exec(other)];
  if (left === null || right === null) return undefined;
  for (const part of [1, 2, 3]) {
    const order = Number(left[part]) - Number(right[part]);
    if (order !== 0) return Math.sign(order);
  }
  return comparePrereleases(left[4], right[4]);
}

/** A version comes after all its prereleases; of two, numbers come before words. */
function comparePrereleases(one: string | undefined, other: string | undefined): number {
  if (one === other) return 0;
  if (one === undefined) return 1;
  if (other === undefined) return -1;
  const [left, right] = [one.split('.'), other.split('.')];
  for (const [at, mine] of left.entries()) {
    const theirs = right[at];
    if (theirs === undefined) return 1;
    if (mine === theirs) continue;
    const [number, otherNumber] = [numberOf(mine), numberOf(theirs)];
    if (number !== otherNumber) return Math.sign(number - otherNumber);
    return mine < theirs ? -1 : 1;
  }
  return left.length < right.length ? -1 : 0;
}

/** A word is beyond all numbers. */
function numberOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Infinity;
}

/** The versions of docs/PROTOCOL.md that one side speaks, from the oldest to the newest. */
export interface ProtocolRange {
  min: number;
  max: number;
}

/** What this program speaks. `max` grows with a change that an older other side would get wrong. */
export const PROTOCOL: ProtocolRange = { min: 1, max: 2 };

/** What this bd says of itself as a client. */
export const THIS_CLIENT = { version: VERSION, protocol: [PROTOCOL.min, PROTOCOL.max] };
