/** In git's words and in Node's. */
const DISK_FULL = /no space left on device|disk quota exceeded/i;

export const MAKE_SPACE = 'Make space on the disk, then run `bd sync`.';

export function isDiskFull(reason: string): boolean {
  return DISK_FULL.test(reason);
}

/** Why a call to the remote failed, by what the user can do about it. */
type GitFailureKind = 'offline' | 'auth' | 'rejected' | 'race' | 'failed';

export interface GitFailure {
  kind: GitFailureKind;
  /** The line of git's output that says why. */
  reason: string;
}

/** The first pattern that matches git's output decides. */
const PATTERNS: readonly (readonly [GitFailureKind, RegExp])[] = [
  // Before `race`: on a full disk git cannot make a ref's lock, and says that it cannot lock the ref.
  ['failed', DISK_FULL],
  [
    'race',
    /non-fast-forward|fetch first|stale info|failed to update ref|cannot lock ref|incorrect old value|reference already exists|failed to lock|nonexistent object/i,
  ],
  [
    'auth',
    /authentication failed|could not read (?:username|password)|terminal prompts disabled|permission denied \(|host key verification failed|repository .*not found|error: 401|invalid credentials|no anonymous write access/i,
  ],
  [
    'rejected',
    /remote rejected|\[rejected\]|hook declined|protected branch|error: 403|permission (?:to \S+ )?denied|read-only|insufficient permission|unable to create temporary object|write access|not allowed|prohibited/i,
  ],
  [
    'offline',
    /could not resolve|could not connect|failed to connect|connection (?:refused|reset|timed out|closed)|network is unreachable|no route to host|timed out|unable to access|does not appear to be a git repository|could not read from remote repository|unable to connect|early eof|hung up|error: 5\d\d|no such file or directory|no such device or address/i,
  ],
];

/** `text` is git's output in the C locale: its stderr, and the porcelain lines of a push. */
export function classifyGitFailure(text: string): GitFailure {
  for (const [kind, pattern] of PATTERNS) {
    const line = text.split('\n').find((candidate) => pattern.test(candidate));
    if (line !== undefined) return { kind, reason: plain(line) };
  }
  const first = text.split('\n').find((line) => line.trim() !== '');
  return { kind: 'failed', reason: plain(first ?? 'git gave no reason') };
}

/** Without the ref columns of porcelain output and the prefixes of messages. */
function plain(line: string): string {
  return line
    .replace(/^!\t[^\t]*\t/, '')
    .replace(/^(?:remote: |fatal: |error: )+/, '')
    .trim();
}
