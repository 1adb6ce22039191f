import { userInfo } from 'node:os';

/** A process environment as an argument; only entry points read the real one. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Who runs this process, by the system's own books: containers often set no `USER`. */
export function loginName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the books has no name.
    return undefined;
  }
}
