import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { figure, inTurns, median } from '../measure.mjs';
import { daemonSocket } from '../world.mjs';

const COMMANDS = [
  { argv: ['show', 'b-00010', '--json'], target: 8 },
  { argv: ['ready', '--json'], target: 10 },
  { argv: ['list', '--json'], target: 20 },
  { argv: ['search', 'kite', '--json'], target: 30 },
];

/** What a command costs in the daemon: as a client sends it, over a connection of its own, with no process. */
export async function daemonCommands(world) {
  const project = world.project('commands', { issues: 2_400 });
  const path = daemonSocket(project);
  const echo = await startEcho(world);
  const figures = [];
  for (const { argv, target } of COMMANDS) {
    const params = { argv, cwd: project.directory, env: { LANG: 'C.UTF-8' } };
    const request = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'run_command', params })}\n`;
    const command = () => exchange(path, request, (text) => /"id":1,.*\n$/.test(text));
    const { length } = await command();
    const times = await inTurns(
      {
        command,
        echo: () => exchange(echo.path, `${length}\n`, (text) => text.length === length),
      },
      { rounds: 60, warmUps: 20 },
    );
    figures.push(
      figure({
        name: `bd ${argv.join(' ')} in the daemon`,
        ms: median(times.command),
        floorMs: median(times.echo),
        floor: `echo of ${length} bytes`,
        target,
      }),
    );
  }
  echo.process.kill();
  project.bd('daemon', 'stop');
  return figures;
}

/** All that comes for the request, until it is whole. */
function exchange(path, request, isWhole) {
  return new Promise((done, fail) => {
    const socket = connect(path);
    let text = '';
    socket.setEncoding('utf8').on('data', (piece) => {
      text += piece;
      if (!isWhole(text)) return;
      socket.destroy();
      done(text);
    });
    socket.on('error', fail);
    socket.write(request);
  });
}

/** In a process of its own, as the daemon is. Sends as many bytes as it is asked for. */
async function startEcho({ root, env }) {
  const path = join(root, 'echo.sock');
  const program = join(root, 'echo.cjs');
  writeFileSync(
    program,
    `require('net')
      .createServer((socket) => socket.on('data', (count) => socket.write('x'.repeat(Number(count)))))
      .listen(process.argv[2], () => process.send('ready'));`,
  );
  const child = fork(program, [path], { env });
  await once(child, 'message');
  return { path, process: child };
}
