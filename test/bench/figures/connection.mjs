import { createServer } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { figure, inTurns, median } from '../measure.mjs';
import { daemonSocket, openConnection } from '../world.mjs';

const CLIENTS = 20;

/** What an editor waits for, over a connection it keeps open. */
export async function connection(world) {
  const project = world.project('rpc');
  const id = project.bd('q', 'An issue to look at').trim();
  project.bd('update', id, '--description', 'x'.repeat(700));
  const daemon = await openConnection(daemonSocket(project));
  const echo = await startEcho(join(world.root, 'echo.sock'));
  const bare = await openConnection(echo.path);
  const database = openBareDatabase(join(world.root, 'bare.db'));
  const insert = database.prepare('INSERT INTO rows (text) VALUES (?)');
  const row = 'x'.repeat(500);

  const create = (connection) =>
    connection.ask('create_issue', { issue: { title: 'One more', description: row } });

  // Apart from the changes: after each of those the daemon writes the mirror and commits.
  const reads = await inTurns(
    {
      echo: () => bare.ask('echo', { text: 'x'.repeat(900) }),
      read: () => daemon.ask('get_issue', { issue_id: id }),
    },
    { rounds: 400, warmUps: 50 },
  );
  const changes = await inTurns(
    { commit: () => void insert.run(row), create: () => create(daemon) },
    { rounds: 400, warmUps: 50 },
  );
  const clients = [];
  for (let at = 0; at < CLIENTS; at++) {
    const client = await openConnection(daemonSocket(project));
    // One that says nothing would be ended.
    await client.ask('ping');
    clients.push(client);
  }
  const together = await inTurns(
    {
      commits: () => {
        for (let at = 0; at < CLIENTS; at++) insert.run(row);
      },
      creates: () => Promise.all(clients.map(create)),
    },
    { rounds: 60, warmUps: 10 },
  );
  for (const client of clients) client.end();
  daemon.end();
  bare.end();
  echo.server.close();
  database.close();
  project.bd('daemon', 'stop');
  return [
    figure({
      name: 'read over an open connection, 1 KB',
      ms: median(reads.read),
      floorMs: median(reads.echo),
      floor: 'one-line JSON echo',
      target: 1.6,
    }),
    figure({
      name: 'durable create over an open connection',
      ms: median(changes.create),
      floorMs: median(changes.commit),
      floor: 'one-row SQLite commit, FULL',
      target: 2,
    }),
    figure({
      name: `creates of ${CLIENTS} clients at once`,
      ms: median(together.creates),
      floorMs: median(together.commits),
      floor: `${CLIENTS} such commits, one after another`,
      // 1.5 times their rate.
      target: 1 / 1.5,
    }),
  ];
}

async function startEcho(path) {
  const server = createServer((socket) => {
    let rest = '';
    socket.setEncoding('utf8').on('data', (data) => {
      rest += data;
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        const { id, params } = JSON.parse(rest.slice(0, end));
        rest = rest.slice(end + 1);
        socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: params })}\n`);
      }
    });
  });
  await new Promise((done) => server.listen(path, done));
  return { path, server };
}

export function openBareDatabase(path) {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)');
  return database;
}
