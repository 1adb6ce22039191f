import { createServer } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { figure, inTurns, median } from '../measure.mjs';
import { daemonSocket, openConnection } from '../world.mjs';

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

  const times = await inTurns(
    {
      echo: () => bare.ask('echo', { text: 'x'.repeat(900) }),
      read: () => daemon.ask('get_issue', { issue_id: id }),
      commit: () => void insert.run(row),
      create: () => daemon.ask('create_issue', { issue: { title: 'One more', description: row } }),
    },
    { rounds: 400, warmUps: 50 },
  );
  daemon.end();
  bare.end();
  echo.server.close();
  database.close();
  project.bd('daemon', 'stop');
  return [
    figure({
      name: 'read over an open connection, 1 KB',
      ms: median(times.read),
      floorMs: median(times.echo),
      floor: 'one-line JSON echo',
      target: 4,
    }),
    figure({
      name: 'durable create over an open connection',
      ms: median(times.create),
      floorMs: median(times.commit),
      floor: 'one-row SQLite commit, FULL',
      target: 3,
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
