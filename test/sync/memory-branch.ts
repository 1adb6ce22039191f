import { createHash } from 'node:crypto';
import type { GitObjects } from '../../src/git/objects.ts';
import type { BranchSnapshot } from '../../src/sync/branch/branch-snapshot.ts';
import type { SyncBranch } from '../../src/sync/branch/sync-branch.ts';
import { PROJECT } from './fixture.ts';

interface Commit {
  parent: string | undefined;
  issues: Buffer;
  isSealed: boolean;
}

const FROM = 'origin refs/heads/beads-sync';
const FOUND = { from: FROM, ref: 'refs/heads/beads-sync' };

/** A remote without git, for many short histories: what is committed on the branch, and how often. */
export interface MemoryRemote {
  tip: string | undefined;
  /** What the branch shows. */
  content(): Buffer;
  /** As a tool commits that does not know `_bd`. */
  commitForeign(issues: Buffer): void;
  /** The branch as one clone sees it. */
  branch(faults: { dieAfter?: 'write' | 'push' | undefined }): SyncBranch;
}

export function createMemoryRemote(): MemoryRemote {
  const commits = new Map<string, Commit>();
  const add = (commit: Commit): string => {
    const name = String(commits.size + 1);
    commits.set(name, commit);
    return name;
  };
  const issuesOf = (name: string | undefined): Buffer =>
    commits.get(name ?? '')?.issues ?? Buffer.alloc(0);
  const blobs = new Map<string, Buffer>();
  const objects: Pick<GitObjects, 'write'> = {
    write(_type, content) {
      const oid = createHash('sha1').update(content).digest('hex');
      blobs.set(oid, Buffer.from(content));
      return Promise.resolve(oid);
    },
  };
  const snapshotOf = (name: string | undefined): BranchSnapshot | undefined => {
    const commit = commits.get(name ?? '');
    if (name === undefined || commit === undefined) return undefined;
    const nothing = { format: undefined, root: [], beads: [], shards: undefined };
    const parents = commit.parent === undefined ? [] : [commit.parent];
    return { commit: name, tree: name, parents, isSealed: commit.isSealed, ...nothing };
  };
  function* history(tip: string | undefined): Generator<string> {
    for (let at = tip; at !== undefined; at = commits.get(at)?.parent) yield at;
  }
  const remote: MemoryRemote = {
    tip: undefined,
    content: () => issuesOf(remote.tip),
    commitForeign(issues) {
      remote.tip = add({ parent: remote.tip, issues, isSealed: false });
    },
    branch(faults) {
      const refs: { ours: string | undefined; theirs: string | undefined } = {
        ours: undefined,
        theirs: undefined,
      };
      const die = (step: 'write' | 'push'): void => {
        if (faults.dieAfter === step) throw new Error('the power went');
      };
      return {
        objects: objects as GitObjects,
        remote: () => Promise.resolve('origin'),
        fetch() {
          const isSame = refs.theirs === remote.tip;
          refs.theirs = remote.tip;
          if (remote.tip === undefined) return Promise.resolve({ kind: 'absent', from: FROM });
          if (isSame) return Promise.resolve({ kind: 'unchanged', ...FOUND });
          return Promise.resolve({ kind: 'changed', ...FOUND });
        },
        forgetTheirs: () => Promise.resolve(),
        forget: () => {},
        tips: () => Promise.resolve({ ...refs }),
        heldTips: () => Promise.resolve({ ...refs }),
        snapshot: (commit) => Promise.resolve(snapshotOf(commit)),
        readIssues: ({ commit }, { since } = {}) => {
          const [issues, known] = [issuesOf(commit), issuesOf(since?.commit)];
          return Promise.resolve(issues.equals(known) ? Buffer.alloc(0) : issues);
        },
        sealedCommit: ({ commit }) =>
          Promise.resolve(
            snapshotOf([...history(commit)].find((name) => commits.get(name)?.isSealed)),
          ),
        isWhole: () => Promise.resolve(true),
        isWithin: (commit, tip) => Promise.resolve([...history(tip)].includes(commit)),
        write({ parent, issues: { entry } }) {
          const issues = blobs.get(entry.oid) ?? Buffer.alloc(0);
          const isShown = parent !== undefined && issuesOf(parent).equals(issues);
          refs.ours = isShown ? parent : add({ parent, issues, isSealed: true });
          die('write');
          return Promise.resolve(refs.ours);
        },
        push(_remote, commit) {
          if (commits.get(commit)?.parent !== remote.tip) {
            return Promise.resolve({ kind: 'race', reason: 'fetch first' });
          }
          remote.tip = commit;
          refs.theirs = commit;
          die('push');
          return Promise.resolve({ kind: 'pushed', from: FROM });
        },
        pack: () => Promise.resolve(),
        findProject: () => Promise.resolve(PROJECT),
      };
    },
  };
  return remote;
}
