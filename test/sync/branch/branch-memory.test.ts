import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packWhenDue } from '../../../src/sync/branch/branch-memory.ts';
import { createClone, cycle, issue, put, type Clone } from '../fixture.ts';
import { useSandbox } from '../../support/sandbox.ts';

const sandbox = useSandbox();
let a: Clone;

beforeEach(() => {
  a = createClone(sandbox, 'a');
});
afterEach(() => {
  a.store.close();
});

const git = (...args: string[]): string => sandbox.git(a.directory, ...args);
const upkeep = (): ReturnType<typeof packWhenDue> => packWhenDue(a.store.state, a.branch, {});

function counted(key: string): number {
  return Number(new RegExp(`^${key}: (\\d+)$`, 'm').exec(git('count-objects', '-v'))?.[1]);
}

async function commitTimes(times: number): Promise<void> {
  for (let at = 0; at < times; at++) {
    const updated_at = new Date(Date.UTC(2026, 1, 1, 0, 0, at)).toISOString();
    put(a.store, issue('t-a', { title: `${at} of ${times}`, updated_at }));
    await cycle(a);
  }
}

describe('objects that the commits of the branch leave', () => {
  it('is packed after twenty of them, and after the next twenty in a pack of their own', async () => {
    await commitTimes(19);
    expect(await upkeep()).toBe('not due');
    await commitTimes(2);
    const before = counted('count');
    expect(before).toBeGreaterThan(60);
    expect(await upkeep()).toBe('packed');
    expect(counted('packs')).toBe(1);
    expect(counted('count')).toBeLessThan(5);
    expect(await upkeep()).toBe('not due');
    await commitTimes(21);
    expect(await upkeep()).toBe('packed');
    expect(counted('packs')).toBe(2);
    expect(counted('prune-packable')).toBe(0);
    git('fsck', '--strict');
    await commitTimes(1);
    expect(git('log', '-1', '--format=%s', 'refs/bd/sync')).toBe('bd: 1 issue (t-a)');
  });

  it('are packed one round later when the commit that was packed last is gone', async () => {
    await commitTimes(21);
    a.store.state.set('packed_tip', '1'.repeat(40));
    expect(await upkeep()).toBe('failed');
    expect(await upkeep()).toBe('not due');
    await commitTimes(21);
    expect(await upkeep()).toBe('packed');
  });

  it('leaves the loose objects of the person alone', async () => {
    const blob = git('hash-object', '-w', '--stdin');
    await commitTimes(21);
    expect(await upkeep()).toBe('packed');
    expect(git('cat-file', '-t', blob)).toBe('blob');
  });
});
