import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REAL_GIT } from './real-git.ts';

/** One git child, as it was started. */
export interface GitCall {
  args: string[];
  env: Map<string, string>;
  cwd: string;
  /** All it starts can be ended with it; undefined where the system does not tell. */
  leadsGroup: boolean | undefined;
}

export interface GitRecorder {
  /** To stand first in PATH. */
  readonly directory: string;
  /** In the order of their starts. */
  calls(): GitCall[];
}

/** Neither an argument nor a variable can hold a NUL; this field alone is a record separator. */
const END_OF_CALL = '\x1e';

/**
 * A `git` that notes its arguments, environment and process group, and then becomes the real one. It
 * runs thousands of times, so it uses only what the shell has built in, and a file per process.
 */
export function createGitRecorder(directory: string): GitRecorder {
  const records = join(directory, 'records');
  mkdirSync(records, { recursive: true });
  const program = join(directory, 'git');
  writeFileSync(
    program,
    `#!/bin/sh
stat=
{ read -r stat < /proc/$$/stat; } 2>/dev/null
{
  printf '%s\\0' "$PWD" "$$" "$stat"
  export -p
  printf '\\0'
  for arg; do printf '%s\\0' "$arg"; done
  printf '${END_OF_CALL}\\0'
} >> '${records}'/$$
exec '${REAL_GIT}' "$@"
`,
  );
  chmodSync(program, 0o755);
  return {
    directory,
    calls: () =>
      readdirSync(records)
        .map((name) => join(records, name))
        .map((path) => ({ path, atNs: statSync(path, { bigint: true }).mtimeNs }))
        .sort((left, right) => Number(left.atNs - right.atNs))
        .flatMap(({ path }) => parseCalls(readFileSync(path, 'utf8'))),
  };
}

function parseCalls(text: string): GitCall[] {
  return (
    text
      .split(`\0${END_OF_CALL}\0`)
      // What has no end was ended itself before it became git.
      .slice(0, -1)
      .map((record) => {
        const [cwd = '', pid = '', stat = '', exports = '', ...args] = record.split('\0');
        const leadsGroup = stat === '' ? undefined : groupIn(stat) === pid;
        return { args, env: parseExports(exports), cwd, leadsGroup };
      })
  );
}

/** proc(5): `pid (name) state parent group …`. */
function groupIn(stat: string): string | undefined {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2];
}

/** What `export -p` prints: `export NAME='value'`, in bash with double quotes; a value can have lines. */
function parseExports(text: string): Map<string, string> {
  const entries = `\n${text}`.split(/\nexport /).filter((entry) => entry.includes('='));
  return new Map(
    entries.map((entry) => {
      const at = entry.indexOf('=');
      return [entry.slice(0, at), unquote(entry.slice(at + 1).replace(/\n$/, ''))];
    }),
  );
}

function unquote(word: string): string {
  if (word.startsWith('"')) return word.slice(1, -1).replace(/\\(["$`\\])/g, '$1');
  return word.slice(1, -1).replace(/'(?:\\'|"'")'/g, "'");
}
