import { delimiter } from 'node:path';
import { afterAll, expect } from 'vitest';
import { createGitRecorder, type GitCall } from './git-recorder.ts';
import { brokenRules } from './git-rules.ts';
import { createTempDirectory } from './temp-directory.ts';

/*
 * Set up for each file of tests: every git child that bd starts in it is seen, and at its end none has
 * done what bd promises not to do. A test's own git calls go by `REAL_GIT`.
 */
/** One cause breaks a rule in many calls, and many rules in one that is not bd's. */
const SHOWN_MAX = 20;
const RULES_SHOWN_MAX = 3;

const WHAT_THEY_ARE = 'git calls that bd must never make; those of the test itself go by REAL_GIT';

const temp = createTempDirectory();
const recorder = createGitRecorder(temp.path);
const path = process.env['PATH'] ?? '';
process.env['PATH'] = [recorder.directory, path].join(delimiter);

afterAll(() => {
  process.env['PATH'] = path;
  const calls = recorder.calls();
  temp[Symbol.dispose]();
  const broken = calls.map(complaint).filter((text) => text !== undefined);
  expect([...new Set(broken)].slice(0, SHOWN_MAX), WHAT_THEY_ARE).toEqual([]);
});

/** All the rules that a call breaks are one cause. */
function complaint(call: GitCall): string | undefined {
  const rules = brokenRules(call).slice(0, RULES_SHOWN_MAX).join(', ');
  return rules === '' ? undefined : `git ${commandLine(call.args)} (in ${call.cwd}): ${rules}`;
}

/** Without the settings, which are the same in each call. */
function commandLine(args: readonly string[]): string {
  return args.filter((arg, at) => arg !== '-c' && args[at - 1] !== '-c').join(' ');
}
