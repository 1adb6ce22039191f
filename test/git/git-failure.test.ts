import { describe, expect, it } from 'vitest';
import { classifyGitFailure } from '../../src/git/git-failure.ts';

describe('classifyGitFailure', () => {
  it.each([
    ['race', '!\tabc:refs/heads/beads-sync\t[rejected] (fetch first)'],
    ['race', '!\tabc:refs/heads/beads-sync\t[rejected] (non-fast-forward)'],
    ['race', '!\tabc:refs/heads/beads-sync\t[remote rejected] (failed to update ref)'],
    ['race', '!\tabc:refs/heads/beads-sync\t[remote rejected] (cannot lock ref ...)'],
    [
      'race',
      "fatal: update_ref failed for ref 'refs/bd/sync': cannot update ref 'refs/bd/sync': trying to write ref 'refs/bd/sync' with nonexistent object 1234",
    ],
    ['rejected', '!\tabc:refs/heads/beads-sync\t[remote rejected] (pre-receive hook declined)'],
    [
      'rejected',
      '!\tabc:refs/heads/beads-sync\t[remote rejected] (protected branch hook declined)',
    ],
    [
      'rejected',
      'ERROR: Permission to a/b.git denied to ann.\nfatal: Could not read from remote repository.',
    ],
    ['rejected', "fatal: unable to access 'https://h/x/': The requested URL returned error: 403"],
    ['auth', "fatal: could not read Username for 'https://h': terminal prompts disabled"],
    [
      'auth',
      'git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.',
    ],
    ['auth', "remote: Repository not found.\nfatal: repository 'https://h/x/' not found"],
    ['auth', 'Host key verification failed.\nfatal: Could not read from remote repository.'],
    ['offline', "fatal: unable to access 'https://h/': Could not resolve host: h"],
    ['offline', 'ssh: connect to host h port 22: Connection refused'],
    ['offline', "fatal: '/gone.git' does not appear to be a git repository"],
    ['offline', "fatal: unable to access 'https://h/': The requested URL returned error: 503"],
    ['failed', 'fatal: something new'],
    [
      'failed',
      "fatal: update_ref failed for ref 'refs/bd/sync': cannot lock ref 'refs/bd/sync': Unable to create '/w/.git/refs/bd/sync.lock': No space left on device",
    ],
    [
      'failed',
      'error: unable to write loose object file: No space left on device\nfatal: unpack-objects failed',
    ],
    ['failed', 'fatal: sha1 file write error: Disk quota exceeded\nfatal: the remote end hung up'],
  ])('%s: %s', (kind, text) => {
    expect(classifyGitFailure(text).kind).toBe(kind);
  });

  it("gives git's reason without columns and prefixes", () => {
    const line = '!\tabc:refs/heads/beads-sync\t[remote rejected] (pre-receive hook declined)';
    expect(classifyGitFailure(`To x\n${line}\nDone`).reason).toBe(
      '[remote rejected] (pre-receive hook declined)',
    );
    expect(classifyGitFailure('fatal: something new\nmore').reason).toBe('something new');
  });
});
