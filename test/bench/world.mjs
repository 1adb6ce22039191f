// A hermetic place to measure in: own HOME and runtime directory, one git repository with a workspace, nothing of the caller's.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const BD = resolve(import.meta.dirname ?? '.', '../../dist/bd.js');

export function createWorld() {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'bd-bench-')));
  const home = join(root, 'home');
  const runtime = join(root, 'run');
  mkdirSync(home);
  mkdirSync(runtime, { mode: 0o700 });
  // NODE_EXTRA_CA_CERTS alone costs Node 20 more than our whole client.
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    XDG_RUNTIME_DIR: runtime,
    USER: 'bench',
    LANG: 'C.UTF-8',
  };
  const project = (name, { issues = 0, remote } = {}) => {
    const directory = join(root, name);
    mkdirSync(directory);
    execFileSync('git', ['init', '-q', directory], { env });
    const bd = (...args) => run(env, directory, args);
    if (remote === undefined) bd('init', '--prefix', 'b', '--local');
    else {
      execFileSync('git', ['remote', 'add', 'origin', remote], { cwd: directory, env });
      bd('init');
    }
    if (issues > 0) bd('import', '-i', '-', { input: makeIssues(issues) });
    return { directory, bd, beads: join(directory, '.beads') };
  };
  return {
    root,
    env,
    project,
    dispose() {
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function run(env, cwd, args) {
  const last = args.at(-1);
  const input = typeof last === 'object' ? last.input : '';
  const argv = typeof last === 'object' ? args.slice(0, -1) : args;
  const { status, stdout, stderr } = spawnSync(process.execPath, [BD, ...argv], {
    cwd,
    env,
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  if (status !== 0)
    throw new Error(`bd ${argv.join(' ')} ended with ${status}: ${stderr}${stdout}`);
  return stdout;
}

/**
 * About 600 bytes a line and two edges an issue, or for one of `edgesEvery`; every third is closed, and some wait for
 * others.
 */
export function makeIssues(count, { edgesEvery = 1 } = {}) {
  const words =
    'the kite flies over wind and water while line winch radio sensor board keep time'.split(' ');
  const lines = [];
  for (let index = 0; index < count; index++) {
    const id = `b-${index.toString(36).padStart(5, '0')}`;
    const created = new Date(Date.UTC(2026, 0, 1) + index * 60_000).toISOString();
    const text = Array.from(
      { length: 60 },
      (_, at) => words[(index * 7 + at * 5) % words.length],
    ).join(' ');
    const steps = index % edgesEvery === 0 ? [1, 2] : [];
    const edges = steps.flatMap((step) => {
      const target = index - step * 7 - (index % 5);
      return target < 0
        ? []
        : [
            {
              issue_id: id,
              depends_on_id: `b-${target.toString(36).padStart(5, '0')}`,
              type: step === 1 ? 'blocks' : 'related',
              created_at: created,
              created_by: 'bench',
            },
          ];
    });
    lines.push(
      JSON.stringify({
        id,
        title: `Issue number ${index} of the benchmark`,
        description: text,
        status: index % 3 === 0 ? 'closed' : 'open',
        priority: index % 5,
        issue_type: 'task',
        created_at: created,
        created_by: 'bench',
        updated_at: created,
        ...(index % 3 === 0 ? { closed_at: created } : {}),
        ...(edges.length > 0 ? { dependencies: edges } : {}),
      }),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** An open connection with one JSON per line: `ask(method, params)` settles with the result. */
export async function openConnection(path) {
  const socket = connect(path);
  await new Promise((done, fail) => socket.once('connect', done).once('error', fail));
  let rest = '';
  let id = 0;
  const waiting = new Map();
  socket.setEncoding('utf8');
  socket.on('data', (data) => {
    rest += data;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const message = JSON.parse(rest.slice(0, end));
      rest = rest.slice(end + 1);
      waiting.get(message.id)?.(message);
      waiting.delete(message.id);
    }
  });
  return {
    async ask(method, params = {}) {
      id += 1;
      const answer = new Promise((done) => waiting.set(id, done));
      socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
      const { error, result } = await answer;
      if (error !== undefined) throw new Error(`${method}: ${error.message}`);
      return result;
    },
    end: () => socket.end(),
  };
}

export function daemonSocket(project) {
  return readlinkSync(join(project.beads, 'bd.sock'));
}
