import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { figure, inTurns, median, sizeFigure } from '../measure.mjs';
import { makeIssues } from '../world.mjs';

const ROOT = resolve(import.meta.dirname, '../../..');
const ISSUES = 2_000;
const BORN_MS = Date.parse('2026-01-01T00:00:00Z');

/** What merging costs, issue by issue; the floor is `JSON.parse` of the same classic lines. */
export async function merge(world) {
  const causal = await bundleCausal(world);
  const { parseIssueLine, encodeState, decodeLine, joinStates } = causal;
  const lines = makeIssues(ISSUES).trimEnd().split('\n');
  const states = lines.map((line) => create(causal, parseIssueLine(line, 0).issue));
  const sealed = states.map(encodeState);
  const here = states.map((state) => edit(causal, state, { replica: 'bbbbbb', key: 'title' }));
  const there = states.map((state) => edit(causal, state, { replica: 'cccccc', key: 'notes' }));
  const times = await inTurns(
    {
      parse: () => lines.forEach((line) => JSON.parse(line)),
      join: () => here.forEach((state, at) => joinStates(state, there[at])),
      encode: () => states.forEach((state) => encodeState(state)),
      decode: () => sealed.forEach((line) => decodeLine(line, 0)),
    },
    { rounds: 60, warmUps: 20 },
  );
  const perIssue = (name, work, { perSecondMin, target }) =>
    figure({
      name,
      ms: median(times[work]) / ISSUES,
      floorMs: median(times.parse) / ISSUES,
      floor: 'JSON.parse of the line',
      perSecondMin,
      target,
    });
  return [
    perIssue('join of two edited versions', 'join', { perSecondMin: 50_000, target: 5 }),
    perIssue('encoding a line with its _bd', 'encode', { perSecondMin: 40_000, target: 12 }),
    perIssue('decoding that line', 'decode', { perSecondMin: 30_000, target: 12 }),
    sizeFigure({
      name: '_bd of a new issue',
      bytes: median(sealed.map((line, at) => causalBytes(line, classicOf(causal, states[at])))),
      floorBytes: median(states.map((state) => Buffer.byteLength(classicOf(causal, state)))),
      floor: 'its classic line',
      bytesMax: 50,
    }),
  ];
}

/** The merge by itself, built as the program is: Node 20 does not read TypeScript. */
async function bundleCausal(world) {
  const entry = join(ROOT, 'test/bench/causal-entry.ts');
  const built = join(world.root, 'causal.mjs');
  const rolldown = join(ROOT, 'node_modules/rolldown/bin/cli.mjs');
  const options = ['--format', 'esm', '--platform', 'node', '--transform.target', 'node20'];
  execFileSync(
    process.execPath,
    [rolldown, entry, '--file', built, ...options, '--logLevel', 'silent'],
    { cwd: ROOT, stdio: 'ignore' },
  );
  return import(pathToFileURL(built).href);
}

function create({ createState, creationWrites }, issue) {
  const stamp = { replica: 'aaaaaa', nowMs: BORN_MS, updatedAt: issue.updated_at };
  return createState(issue.id, creationWrites(issue), stamp);
}

function edit({ applyWrites }, state, { replica, key }) {
  return applyWrites(state, [{ key, value: replica }], { replica, nowMs: BORN_MS + 60_000 });
}

function classicOf({ encodeIssueLine, viewIssue }, state) {
  return encodeIssueLine(viewIssue(state).issue);
}

function causalBytes(sealed, classic) {
  return Buffer.byteLength(sealed) - Buffer.byteLength(classic);
}
