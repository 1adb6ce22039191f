import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { request } from '../../src/protocol/messages.ts';
import { startDaemonHere, type DaemonHere } from '../support/daemon-here.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let daemon: DaemonHere;
let socket: Socket;

beforeEach(async () => {
  temp = createTempDirectory();
  daemon = await startDaemonHere(temp.path, { clock: systemClock });
  socket = createConnection(join(daemon.beadsDir, 'bd.sock'));
  await ask('ping');
});
afterEach(async () => {
  socket.destroy();
  daemon.stop.abort('test over');
  await daemon.ended;
  temp[Symbol.dispose]();
});

async function ask(method: string, params: object = {}): Promise<unknown> {
  socket.write(`${JSON.stringify(request(1, method, params))}\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return JSON.parse(answer.toString().split('\n')[0] ?? '');
}

const create = (title: string): Promise<unknown> => ask('create_issue', { issue: { title } });

const created = (prefix: string): object => ({
  result: { issue: { id: expect.stringMatching(new RegExp(`^${prefix}-`)) } },
});

/** Writes a file of `.beads` as an editor does. */
const write = (name: string, text: string): void =>
  writeFileSync(join(daemon.beadsDir, name), text);

describe('an edit of config.yaml while a connection is open', () => {
  it('counts from the next request on, on that connection', async () => {
    write('config.yaml', 'issue_prefix: edited\n');
    expect(await create('One')).toMatchObject(created('edited'));
    write('config.yaml', 'issue_prefix: again\nactor: mia\n');
    const answer = await create('Two');
    expect(answer).toMatchObject(created('again'));
    expect(answer).toMatchObject({ result: { issue: { created_by: 'mia' } } });
    expect(answer).not.toHaveProperty('result.stale');
  });

  it('decides how issues are shared, too', async () => {
    write('config.yaml', 'issue_prefix: t\nsync:\n  mode: worktree\n');
    await create('Shown at once');
    const mirror = readFileSync(join(daemon.beadsDir, 'beads.jsonl'), 'utf8');
    expect(mirror).toContain('Shown at once');
  });

  it('decides how edits of the mirror are noticed, too', async () => {
    write('config.yaml', 'issue_prefix: t\ndaemon:\n  file_watch: false\n');
    await ask('list_issues');
    await eventually(async () => {
      const status = (await ask('daemon_status')) as { result: { watcher: string } };
      return status.result.watcher === 'off';
    });
  });

  it('with a wrong value refuses changes and stops no answer, until it is mended', async () => {
    write('config.yaml', 'issue_prefix: t\nsync:\n  mode: nonsense\n');
    expect(await create('Lost?')).toMatchObject({ error: { data: { code: 'INVALID_VALUE' } } });
    expect(await ask('list_issues')).toMatchObject({ result: { issues: [] } });
    write('config.yaml', 'issue_prefix: t\n');
    expect(await create('One')).toMatchObject(created('t'));
  });

  it('that leaves no settings is refused, until it is mended', async () => {
    write('config.yaml', 'issue_prefix: [\n');
    expect(await create('Lost?')).toMatchObject({ error: { data: { code: 'FILE_UNUSABLE' } } });
    write('config.yaml', 'issue_prefix: t\n');
    expect(await create('One')).toMatchObject(created('t'));
  });
});

describe('an edit of metadata.json while a connection is open', () => {
  const edit = (change: object): void => {
    const path = join(daemon.beadsDir, 'metadata.json');
    const before = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...before, ...change }));
  };

  it('leaves the next request to a daemon that opens what it names', async () => {
    edit({ jsonl_export: 'other.jsonl' });
    expect(await create('Lost?')).toMatchObject({ error: { data: { code: 'DAEMON_RETIRING' } } });
    expect(existsSync(join(daemon.beadsDir, 'bd.sock'))).toBe(false);
    expect(await daemon.ended).toBe(0);
  });

  it('that changes no value changes nothing', async () => {
    edit({});
    expect(await create('One')).toMatchObject({ result: {} });
  });
});
