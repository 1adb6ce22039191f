import { userInfo } from 'node:os';

/** A process environment as an argument; only entry points read the real one. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The user of this process, from the system: containers often set no `USER`. */
export function loginName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the system's list has no name.
    return undefined;
  }
}
