#!/usr/bin/env bash
# simple-git 4.0.2: a git command that prints nothing takes 50 ms longer than one that prints something,
# even when the completion plugin is told not to wait after the exit (`completion: { onExit: false }`).
# Seen: silent 53 ms, talkative 3.3 ms, the silent command without simple-git 2.4 ms.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm install --silent --no-audit --no-fund simple-git@4.0.2
unset NODE_EXTRA_CA_CERTS
git init --quiet .

cat >probe.mjs <<'JS'
import { spawn } from 'node:child_process';
import { simpleGit } from 'simple-git';

const SILENT = ['diff', '--quiet'];
const TALKATIVE = ['version'];
const git = simpleGit({ completion: { onClose: true, onExit: false } });

const bare = () =>
  new Promise((done) => spawn('git', SILENT, { stdio: 'ignore' }).on('close', done));

async function medianMs(work) {
  const times = [];
  for (let round = 0; round < 21; round += 1) {
    const startMs = performance.now();
    await work();
    times.push(performance.now() - startMs);
  }
  return times.sort((left, right) => left - right)[10];
}

const silent = await medianMs(() => git.raw(SILENT));
const talkative = await medianMs(() => git.raw(TALKATIVE));
const spawned = await medianMs(bare);
const shown = (ms) => `${ms.toFixed(1)} ms`;
console.log(
  `simple-git 4.0.2: silent ${shown(silent)}, talkative ${shown(talkative)}; spawned ${shown(spawned)}`,
);
// The pause is a timer of 50 ms; 40 leaves room for a median that a busy machine moved.
process.exitCode = silent - talkative > 40 && silent - spawned > 40 ? 0 : 1;
JS
node probe.mjs || { echo 'changed: a silent command no longer waits'; exit 1; }
