import { delimiter } from 'node:path';
import { afterAll, expect } from 'vitest';
import { createGitRecorder, type GitCall } from './git-recorder.ts';
import { brokenRules } from './git-rules.ts';
import { createTempDirectory } from './temp-directory.ts';

/*
 * Set up for each file of tests: every git child that bd starts in it is seen, and at its end none has
 * done what bd promises not to do. A test's own git calls go by `REAL_GIT`.
 */
/** One cause breaks a rule in many calls. */
const SHOWN_MAX = 20;

const temp = createTempDirectory();
const recorder = createGitRecorder(temp.path);
const path = process.env['PATH'] ?? '';
process.env['PATH'] = [recorder.directory, path].join(delimiter);

afterAll(() => {
  process.env['PATH'] = path;
  const calls = recorder.calls();
  temp[Symbol.dispose]();
  const broken = new Set(calls.flatMap(complaints));
  expect([...broken].slice(0, SHOWN_MAX), 'git calls that bd must never make').toEqual([]);
});

function complaints(call: GitCall): string[] {
  return brokenRules(call).map((rule) => `${rule}: git ${commandLine(call.args)} (in ${call.cwd})`);
}

/** Without the settings, which are the same in each call. */
function commandLine(args: readonly string[]): string {
  return args.filter((arg, at) => arg !== '-c' && args[at - 1] !== '-c').join(' ');
}
