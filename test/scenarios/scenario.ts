import { VERSION } from '../../src/core/version.ts';

/** One `$` line with what follows it: input lines, and what is expected of it. */
export interface Step {
  /** As written, after `$ `. */
  command: string;
  stdin: string[];
  expected: string[];
}

export interface Scenario {
  /**
   * Words of the `setup:` line, which may be the first: `empty` (no `bd init`), `none` or `with-remote`
   * (git), `daemon` (this mode only), `process` (where the boundary of the process matters).
   */
  setup: string[];
  /** Prose as it stands, and steps, in order. */
  parts: (string | Step)[];
}

const INDENT = '    ';

/**
 * Prose stands at the margin; what is typed and what comes of it is indented by four spaces:
 *
 *     $ A=$(bd q "Title")        captures the output, which is then written and shown as `$A`
 *     $ BD_ACTOR=lee bd close $A
 *     Closed $A: Title           stdout, then `stderr: …` lines, then `exit: 3` unless it is 0
 *     $ bd import
 *     < {"id":"t-1", …}          a line of standard input
 *     $ write file.txt           makes a file of the `<` lines
 */
export function parseScenario(text: string): Scenario {
  const lines = text.trimEnd().split('\n');
  const setup = /^setup: (.*)$/.exec(lines[0] ?? '')?.[1]?.split(/,\s*/);
  if (setup !== undefined) lines.shift();
  const parts: Scenario['parts'] = [];
  let step: Step | undefined;
  lines.forEach((line, index) => {
    if (line.startsWith(`${INDENT}$ `)) {
      step = { command: line.slice(INDENT.length + 2), stdin: [], expected: [] };
      parts.push(step);
    } else if (step !== undefined && line.startsWith(`${INDENT}< `)) {
      step.stdin.push(line.slice(INDENT.length + 2));
    } else if (step !== undefined && line.startsWith(INDENT)) {
      step.expected.push(line.slice(INDENT.length));
    } else if (step !== undefined && line === '' && isOutputAfter(lines, index)) {
      step.expected.push('');
    } else {
      step = undefined;
      parts.push(line);
    }
  });
  return { setup: setup ?? [], parts };
}

export function renderScenario({ setup, parts }: Scenario): string {
  const lines = parts.flatMap((part) => (typeof part === 'string' ? [part] : renderStep(part)));
  const head = setup.length === 0 ? [] : [`setup: ${setup.join(', ')}`];
  return `${[...head, ...lines].join('\n')}\n`;
}

export function renderStep({ command, stdin, expected }: Step): string[] {
  return [`$ ${command}`, ...stdin.map((line) => `< ${line}`), ...expected].map((line) =>
    line === '' ? '' : `${INDENT}${line}`,
  );
}

export interface ShellLine {
  /** The variable that takes the output. */
  capture: string | undefined;
  env: Record<string, string>;
  words: string[];
}

/** The little of a shell that a scenario needs: quotes, `$NAME`, `NAME=value bd …`, `NAME=$(bd …)`. */
export function parseShellLine(line: string, variables: ReadonlyMap<string, string>): ShellLine {
  const captured = /^(\w+)=\$\((.*)\)$/.exec(line);
  const words = splitWords(captured?.[2] ?? line, variables);
  const env: Record<string, string> = {};
  for (let word = words[0]; word !== undefined; word = words[0]) {
    const assignment = /^([A-Z_]+)=(.*)$/s.exec(word);
    if (assignment === null) break;
    env[assignment[1]!] = assignment[2]!;
    words.shift();
  }
  return { capture: captured?.[1], env, words };
}

function splitWords(line: string, variables: ReadonlyMap<string, string>): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+/g)) {
    const parts = word.match(/'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^'"\\]+/g) ?? [];
    words.push(
      parts
        .map((part) => {
          if (part.startsWith("'")) return part.slice(1, -1);
          if (part.startsWith('\\')) return part.slice(1);
          const bare = part.startsWith('"') ? part.slice(1, -1).replace(/\\(.)/g, '$1') : part;
          return bare.replace(/\$(\w+)/g, (whole, name: string) => variables.get(name) ?? whole);
        })
        .join(''),
    );
  }
  return words;
}

/** What differs from run to run, by name; captured values by theirs, other random ids by none. */
export function normalise(
  text: string,
  { variables, source }: { variables: ReadonlyMap<string, string>; source: string },
): string {
  const byLength = [...variables].toSorted(([, a], [, b]) => b.length - a.length);
  let result = text;
  for (const [name, value] of byLength) result = result.replaceAll(value, `$${name}`);
  return result
    .replace(/\bt-[\da-z]{4,12}\b/g, (id) => (source.includes(id) ? id : 't-<id>'))
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, '<moment>')
    .replace(/^\d{4}-\d\d-\d\d\b/, '<date>')
    .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, '<uuid>')
    .replace(/\S+\.sock\b/g, '<socket>')
    .replace(/\bPID(:?\s+)\d+/g, 'PID$1<pid>')
    .replace(/("pid": )\d+/g, '$1<pid>')
    .replace(/\d+ MB\b/g, '<memory>')
    .replace(/\d+(\.\d+)? ms in its event loop/g, '<delay> in its event loop')
    .replace(/^Uptime:( +)\d+s$/, 'Uptime:$1<time>')
    .replace(/^Pending:( +)\d+ to share.*$/, 'Pending:$1<pending>')
    .replace(/^(ok +Git: +git +)\S+$/, '$1<git version>')
    .replace(/^(ok +Daemon: +Client +).*$/, '$1<client>')
    .replaceAll(VERSION, '<version>');
}

/** Blank lines belong to the output when more of it follows. */
function isOutputAfter(lines: readonly string[], index: number): boolean {
  const next = lines.slice(index).find((line) => line !== '') ?? '';
  return next.startsWith(INDENT) && !next.startsWith(`${INDENT}$ `);
}
