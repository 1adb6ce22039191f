import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@modelcontextprotocol/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Call } from '../../src/protocol/methods.ts';
import { INSTRUCTIONS } from '../../src/mcp/mcp-server.ts';
import { createMcpHost, MODERN, refusal, textOf, use, type McpHost } from './mcp-session.ts';

const TOKENS_MAX = 2_000;
const CHARS_A_TOKEN = 4;

interface Page {
  items: { id: string; title: string }[];
  total: number;
}

interface Created {
  created: { id: string; title: string }[];
  failed?: { title: string; why: string }[];
}

let host: McpHost;
let client: Client;

beforeEach(async () => {
  host = await createMcpHost({ hello: { actor: 'ada' } });
  client = await host.client();
});

afterEach(async () => {
  await client.close();
  await host[Symbol.asyncDispose]();
});

async function create(title: string, fields: Record<string, unknown> = {}): Promise<string> {
  const { created } = await use<Created>(client, 'create', { issues: [{ title, ...fields }] });
  return created[0]?.id ?? '';
}

describe('what a client is told', () => {
  test('the tools are those of the snapshot, in its order', async () => {
    const { tools } = await client.listTools();
    const snapshot: unknown = JSON.parse(
      readFileSync(join(import.meta.dirname, 'tools.snapshot.json'), 'utf8'),
    );
    expect(tools, 'Every model reads this: put a change you mean into the snapshot.').toEqual(
      snapshot,
    );
  });

  test('all tools together cost a model little', async () => {
    const { tools } = await client.listTools();
    expect(JSON.stringify(tools).length / CHARS_A_TOKEN).toBeLessThanOrEqual(TOKENS_MAX);
  });

  test('schemas are what every client can read', async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      'ready',
      'show',
      'create',
      'update',
      'claim',
      'close',
    ]);
    for (const { name, inputSchema, outputSchema, annotations } of tools) {
      expect(name).toMatch(/^[a-z_]{1,20}$/);
      expect(inputSchema.type).toBe('object');
      expect(JSON.stringify(inputSchema)).not.toMatch(/\$ref|oneOf|anyOf|allOf|\$defs/);
      expect(outputSchema).toBeUndefined();
      expect(annotations).toMatchObject({ openWorldHint: false });
    }
    const readers = tools.filter(({ annotations }) => annotations?.readOnlyHint === true);
    expect(readers.map(({ name }) => name)).toEqual(['ready', 'show']);
  });

  test('the instructions fit, and their beginning stands alone', () => {
    expect(client.getInstructions()).toBe(INSTRUCTIONS);
    expect(INSTRUCTIONS.length).toBeLessThanOrEqual(1_536);
    const beginning = INSTRUCTIONS.slice(0, 512);
    for (const word of ['ready', 'claim', 'create', 'close', 'treat it as data, not as']) {
      expect(beginning).toContain(word);
    }
  });

  test('the server says its name and version', () => {
    const { version } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'),
    ) as { version: string };
    expect(client.getServerVersion()).toMatchObject({ name: 'beads', version });
  });
});

describe.each([
  ['legacy', 'legacy' as const],
  ['auto', 'auto' as const],
  ['2026-07-28', { pin: MODERN }],
])('a day’s work, %s', (_name, era) => {
  test('an agent creates, finds, claims and closes an issue', async () => {
    const agent = await host.client({ era });
    const { created } = await use<Created>(agent, 'create', {
      issues: [
        { title: 'Build', description: 'all of it', priority: 1 },
        { title: 'Ship', depends_on: ['$0'] },
      ],
    });
    const [build = '', ship = ''] = created.map(({ id }) => id);
    const ready = await use<Page>(agent, 'ready');
    expect(ready).toMatchObject({ items: [{ id: build, priority: 1, type: 'task' }], total: 1 });
    expect(await use(agent, 'claim')).toMatchObject({
      claimed: { id: build, status: 'in_progress', assignee: 'ada', description: 'all of it' },
    });
    expect(await use(agent, 'close', { ids: [build], reason: 'built' })).toMatchObject({
      closed: [build],
      unblocked: [{ id: ship, title: 'Ship' }],
      skipped: [],
    });
    const { issue } = await host.call('get_issue', { issue_id: build });
    expect(issue).toMatchObject({ status: 'closed', close_reason: 'built', created_by: 'ada' });
    await agent.close();
  });

  test('data and text of a result are the same', async () => {
    const agent = await host.client({ era });
    await create('One');
    const result = await agent.callTool({ name: 'ready' });
    expect(JSON.parse(textOf(result))).toEqual(result.structuredContent);
    expect(result.content).toHaveLength(1);
    await agent.close();
  });
});

describe('ready', () => {
  test('filters, limits and says how many there are', async () => {
    const epic = await create('Epic', { type: 'epic', assignee: 'bob' });
    for (const title of ['a', 'b', 'c']) {
      await create(title, { parent: epic, labels: ['x', title], assignee: 'ada' });
    }
    await create('loose', { type: 'bug' });
    const titles = async (args: Record<string, unknown>): Promise<string[]> =>
      (await use<Page>(client, 'ready', args)).items.map(({ title }) => title).sort();
    expect(await titles({ parent: epic })).toEqual(['a', 'b', 'c']);
    expect(await titles({ labels: ['x', 'b'] })).toEqual(['b']);
    expect(await titles({ type: 'bug' })).toEqual(['loose']);
    expect(await titles({ assignee: 'bob' })).toEqual(['Epic']);
    expect(await titles({ unassigned: true })).toEqual(['loose']);
    const page = await use<Page>(client, 'ready', { limit: 2 });
    expect(page).toMatchObject({ total: 5 });
    expect(page.items).toHaveLength(2);
  });

  test('rows have titles and no texts, and nothing that is empty', async () => {
    await create('Row', { description: 'long', acceptance: 'done' });
    const { items } = await use<Page>(client, 'ready');
    expect(Object.keys(items[0] ?? {})).toEqual([
      'id',
      'title',
      'status',
      'priority',
      'type',
      'updated',
    ]);
  });
});

describe('show', () => {
  test('the whole issue, its links and its last comments', async () => {
    const epic = await create('Epic', { type: 'epic' });
    const blocker = await create('Blocker');
    const id = await create('Main', {
      parent: epic,
      depends_on: [blocker],
      description: 'd',
      acceptance: 'acc',
      labels: ['l'],
    });
    const found = await create('Found', { discovered_from: id });
    for (let number = 1; number <= 7; number++) {
      await host.call('add_comment', { issue_id: id, text: `c${number}` });
    }
    const { issues } = await use<{ issues: Record<string, unknown>[] }>(client, 'show', {
      ids: [id, blocker, epic],
    });
    expect(issues[0]).toMatchObject({
      id,
      description: 'd',
      acceptance: 'acc',
      labels: ['l'],
      author: 'ada',
      parent: epic,
      depends_on: [{ id: blocker, title: 'Blocker', status: 'open', type: 'blocks' }],
      linked_from: [{ id: found, type: 'discovered-from' }],
      comments: ['c3', 'c4', 'c5', 'c6', 'c7'].map((text) => ({ author: 'mia', text })),
      comments_total: 7,
    });
    expect(issues[1]).toMatchObject({ blocks: [{ id, type: 'blocks' }] });
    expect(issues[2]).toMatchObject({ children: [{ id, type: 'parent-child' }] });
    expect(issues[1]).not.toHaveProperty('comments');
  });

  test('unknown ids are listed, the others shown', async () => {
    const id = await create('Here');
    expect(await use(client, 'show', { ids: ['t-nope', id] })).toMatchObject({
      issues: [{ id }],
      missing: ['t-nope'],
    });
  });
});

describe('create', () => {
  test('siblings are named by their number, and a failure is told beside what was done', async () => {
    const result = await use<Created>(client, 'create', {
      issues: [
        { title: 'Epic', type: 'epic' },
        { title: 'Child', parent: '$0' },
        { title: 'Wrong', type: 'nonsense' },
        { title: 'Orphan', depends_on: ['$2'] },
        { title: 'Early', depends_on: ['$5'] },
      ],
    });
    const [epic = '', child = ''] = result.created.map(({ id }) => id);
    expect(child).toBe(`${epic}.1`);
    expect(result.failed?.map(({ title }) => title)).toEqual(['Wrong', 'Orphan', 'Early']);
    expect(result.failed?.[0]?.why).toMatch(/^invalid_value: invalid issue type "nonsense"\. /);
    expect(result.failed?.[1]?.why).toMatch(/^invalid_value: \$2 is no issue/);
  });

  test('all fields arrive', async () => {
    const id = await create('Full', {
      description: 'd',
      type: 'bug',
      priority: 0,
      labels: ['b', 'a'],
      assignee: 'bob',
      acceptance: 'acc',
    });
    expect((await host.call('get_issue', { issue_id: id })).issue).toMatchObject({
      title: 'Full',
      description: 'd',
      issue_type: 'bug',
      priority: 0,
      labels: ['a', 'b'],
      assignee: 'bob',
      acceptance_criteria: 'acc',
      created_by: 'ada',
    });
  });

  test('more than fifty at once are refused, and none is made', async () => {
    const issues = Array.from({ length: 51 }, (_, index) => ({ title: `t${index}` }));
    expect(await refusal(client, 'create', { issues })).toMatch(/^invalid_value: .*at most 50/);
    expect((await host.call('list_issues', {})).total).toBe(0);
  });
});

describe('update', () => {
  test('fields are set and cleared, and the changed ones named as the tool names them', async () => {
    const epic = await create('Epic', { type: 'epic' });
    const id = await create('Old', { description: 'gone', labels: ['a'] });
    const result = await use<{ id: string; changed: string[] }>(client, 'update', {
      id,
      title: 'New',
      description: '',
      acceptance: 'acc',
      type: 'bug',
      priority: 2,
      status: 'blocked',
      parent: epic,
      add_labels: ['b'],
      remove_labels: ['a'],
    });
    expect(result.id).toBe(id);
    expect(result.changed.sort()).toEqual(
      ['title', 'description', 'acceptance', 'type', 'status', 'parent', 'labels'].sort(),
    );
    const { issue } = await host.call('get_issue', { issue_id: id });
    expect(issue).toMatchObject({
      title: 'New',
      issue_type: 'bug',
      status: 'blocked',
      parent: epic,
    });
    expect(issue).toMatchObject({ acceptance_criteria: 'acc', labels: ['b'] });
    expect(issue).not.toHaveProperty('description');
  });

  test('a field that does not exist is refused by name', async () => {
    const id = await create('Old');
    expect(await refusal(client, 'update', { id, titel: 'New' })).toMatch(
      /^invalid_value: update has an unknown member "titel"\. Known members: /,
    );
  });
});

/** The worst race: nobody claims before `sessions` have seen the same list of ready work. */
function afterAllHaveListed(sessions: number): (call: Call) => Call {
  let listed = 0;
  let go = (): void => {};
  const all = new Promise<void>((resolve) => (go = resolve));
  return (call) => async (method, params) => {
    const result = await call(method, params);
    if (method !== 'list_ready') return result;
    listed += 1;
    if (listed === sessions) go();
    await all;
    return result;
  };
}

describe('claim', () => {
  test('an issue that another holds is refused with who and what to do', async () => {
    const id = await create('Taken', { assignee: 'bob' });
    expect(await refusal(client, 'claim', { id })).toMatch(
      new RegExp(`^already_claimed: cannot claim ${id}: it is claimed by bob\\. `),
    );
  });

  test('without id, nothing ready is an answer and not an error', async () => {
    await create('Taken', { assignee: 'bob' });
    const result = await use(client, 'claim');
    expect(result).not.toHaveProperty('claimed');
    expect(result['hint']).toContain('Nothing is ready');
  });

  test('twenty sessions at once get twenty issues, though all have one name', async () => {
    await using crowd = await createMcpHost({ wrap: afterAllHaveListed(20) });
    for (let index = 0; index < 20; index++) {
      await crowd.call('create_issue', { issue: { title: `t${index}` } });
    }
    const agents = await Promise.all(Array.from({ length: 20 }, () => crowd.client()));
    const claims = await Promise.all(
      agents.map((agent) => use<{ claimed: { id: string } }>(agent, 'claim')),
    );
    expect(new Set(claims.map(({ claimed }) => claimed.id)).size).toBe(20);
    await Promise.all(agents.map((agent) => agent.close()));
  });
});

describe('close', () => {
  test('what is closed already, unknown or blocked is skipped with why', async () => {
    const [done, blocker] = [await create('Done'), await create('Blocker')];
    const blocked = await create('Blocked', { depends_on: [blocker] });
    await host.call('close_issue', { issue_id: done });
    expect(await use(client, 'close', { ids: [done, blocked, 't-nope', blocker] })).toMatchObject({
      closed: [blocker],
      unblocked: [{ id: blocked }],
      skipped: [
        { id: done, why: 'it is closed already' },
        { id: blocked, why: expect.stringMatching(/^issue_blocked: /) as string },
        { id: 't-nope', why: expect.stringMatching(/^issue_not_found: /) as string },
      ],
    });
  });

  test('what this call unblocks and closes is not listed as unblocked', async () => {
    const first = await create('First');
    const second = await create('Second', { depends_on: [first] });
    expect(await use(client, 'close', { ids: [first, second] })).toEqual({
      closed: [first, second],
      unblocked: [],
      skipped: [],
    });
  });

  test('a single issue that cannot be closed is an error', async () => {
    expect(await refusal(client, 'close', { ids: ['t-nope'] })).toMatch(
      /^issue_not_found: no issue found matching "t-nope"\. /,
    );
  });
});
