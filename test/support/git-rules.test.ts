import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createGit } from '../../src/git/git.ts';
import { createGitRecorder, type GitCall } from './git-recorder.ts';
import { brokenRules } from './git-rules.ts';
import { useSandbox } from './sandbox.ts';

const sandbox = useSandbox();

/** What a call of bd's own looks like to the recorder. */
async function record(args: readonly string[], env: Record<string, string> = {}): Promise<GitCall> {
  const recorder = createGitRecorder(join(sandbox.directory, 'bin'));
  const path = `${recorder.directory}:${sandbox.env['PATH']}`;
  sandbox.git(sandbox.directory, 'init', '--quiet', 'repository');
  const gitDir = join(sandbox.directory, 'repository', '.git');
  const git = createGit({ gitDir, env: { ...sandbox.env, ...env, PATH: path } });
  await git.run(args).catch(() => {});
  const call = recorder.calls().find((each) => each.args.includes(args[0] ?? ''));
  if (call === undefined) throw new Error('the recorder saw nothing');
  return call;
}

test('a call is seen as it was made, whatever stands in its arguments and its environment', async () => {
  const odd = `one\ntwo'"$HOME\\\nexport GIT_DIR='elsewhere'`;
  const call = await record(['rev-parse', '--verify', odd, ''], { ODD: `it's ${odd}` });
  expect(call.args.slice(-4)).toEqual(['rev-parse', '--verify', odd, '']);
  expect(call.env.get('HOME')).toBe(sandbox.env['HOME']);
  expect(call.env.get('GIT_ASKPASS')).toBe('');
  expect(call.cwd).toBe(join(sandbox.directory, 'repository', '.git'));
});

test('a call that bd makes is in order, and what a hook handed on is not in it', async () => {
  const env = {
    GIT_INDEX_FILE: '/x/index',
    GIT_WORK_TREE: '/x',
    EDITOR: 'vi',
    GIT_SSH_COMMAND: 'ssh -v',
  };
  expect(brokenRules(await record(['rev-parse', 'HEAD'], env))).toEqual([]);
});

const OID = 'a'.repeat(40);
const SYNC = 'refs/heads/beads-sync';
const TWO = [/^pushes with --force/, /^pushes :refs/];
const FETCH =
  'fetch --refmap= --no-tags --no-write-fetch-head --no-recurse-submodules --no-auto-maintenance';

test.each([
  [`push --no-verify -- origin ${OID}:refs/heads/beads-sync`, []],
  [`${FETCH} -- origin +refs/heads/beads-sync:refs/bd/remote`, []],
  ['update-ref -d refs/bd/remote', []],
  [`push --no-verify --force-with-lease=${SYNC}:${OID} -- origin :${SYNC}`, []],
  ['config --get user.name', []],
  ['config --local merge.beads.name bd', []],
  ['add -A', ['runs git add']],
  ['commit -m x', ['runs git commit']],
  ['push --no-verify', ['pushes what the settings say']],
  ['push --no-verify origin main', ['pushes main']],
  [`push --no-verify origin HEAD:refs/heads/beads-sync`, ['pushes HEAD:refs/heads/beads-sync']],
  [`push --no-verify origin +${OID}:refs/heads/b`, [`pushes +${OID}:refs/heads/b`]],
  [`push --no-verify --force origin ${OID}:refs/heads/b`, ['pushes with --force']],
  [`push --no-verify --follow-tags -- o ${OID}:refs/heads/b`, ['pushes with --follow-tags']],
  [`push -- origin ${OID}:refs/heads/b`, ['pushes with hooks']],
  [`${FETCH} -- origin`, ['fetches what the settings say']],
  [`${FETCH} -- origin +refs/heads/b:refs/remotes/origin/b`, [/fetches .*remotes/]],
  [`${FETCH} --depth=1 -- origin +refs/heads/b:refs/bd/remote`, ['fetches with --depth=1']],
  ['update-ref refs/heads/main HEAD', ['moves refs/heads/main']],
  ['symbolic-ref HEAD refs/heads/x', ['writes a symbolic ref']],
  ['remote add x y', ['changes the remotes']],
  [`push --no-verify --force-with-lease=${SYNC}:${OID} -- origin :refs/heads/main`, TWO],
  [`push --no-verify --force-with-lease=${SYNC} -- origin :${SYNC}`, TWO],
  ['update-index --refresh', ["uses the person's index"]],
  ['ls-files', ["uses the person's index"]],
  ['config user.name x', ['writes the setting user.name']],
])('git %s', async (line, expected) => {
  const call = await record(['rev-parse']);
  const args = call.args.slice(0, call.args.indexOf('rev-parse')).concat(line.split(' '));
  expect(brokenRules({ ...call, args, leadsGroup: true })).toEqual(
    expected.map((rule) => (typeof rule === 'string' ? rule : expect.stringMatching(rule))),
  );
});

test('mode checked-out moves a branch from the commit that it knows, and says so', async () => {
  const call = await record(['rev-parse']);
  const settings = call.args.slice(0, call.args.indexOf('rev-parse'));
  const rulesOf = (...args: string[]): string[] =>
    brokenRules({ ...call, args: [...settings, 'update-ref', ...args] });
  const because = ['-m', 'bd: auto-sync'];
  expect(rulesOf(...because, 'refs/heads/main', OID, OID)).toEqual([]);
  expect(rulesOf(...because, 'refs/heads/main', OID)).toHaveLength(1);
  expect(rulesOf(...because, 'refs/tags/v1', OID, OID)).toHaveLength(1);
  expect(rulesOf('-m', 'other', 'refs/heads/main', OID, OID)).toHaveLength(1);
});

test('a setting or a variable that is missing, or one too many, is a broken rule', async () => {
  const call = await record(['rev-parse']);
  const changed = (name: string, value: string): string[] =>
    brokenRules({ ...call, env: new Map(call.env).set(name, value) });
  expect(changed('GIT_TERMINAL_PROMPT', '1')).toHaveLength(1);
  expect(changed('LC_ALL', 'de_DE.UTF-8')).toHaveLength(1);
  expect(changed('GIT_WORK_TREE', '/x')).toEqual(['was handed on GIT_WORK_TREE']);
  expect(changed('GIT_INDEX_FILE', '/x/.git/index')).toEqual(["uses the person's index"]);
  expect(changed('GIT_INDEX_FILE', '/x/.git/index.bd-7')).toEqual([]);
  expect(changed('SSH_ASKPASS', '/x')).toEqual(['was handed on SSH_ASKPASS']);
  expect(changed('GIT_SSH_COMMAND', '/usr/bin/ssh -v')).toHaveLength(1);
  const bare = brokenRules({ ...call, args: ['rev-parse'] });
  expect(bare).toContain('has core.hookspath=undefined, not /dev/null');
  expect(bare).toContain('has gc.auto=undefined, not 0');
});

test('what talks to a remote leads a group of its own', async () => {
  const call = await record(['rev-parse']);
  const settings = call.args.slice(0, call.args.indexOf('rev-parse'));
  const rulesOf = (line: string, leadsGroup: boolean): string[] =>
    brokenRules({ ...call, args: settings.concat(line.split(' ')), leadsGroup });
  expect(rulesOf('ls-remote origin', false)).toHaveLength(1);
  expect(rulesOf('ls-remote origin', true)).toEqual([]);
  expect(rulesOf('rev-parse HEAD', false)).toEqual([]);
});
