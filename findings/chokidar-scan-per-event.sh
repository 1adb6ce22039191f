#!/usr/bin/env bash
# chokidar 5.0.0: with native events, each event of any file in a watched directory, an ignored one too, makes it read the
# directory and call `lstat` for each entry, watched or not. `depth: 0` and an `ignored` that leaves one file do not change
# that. Seen: 20 appends to an ignored file, 100 ms apart, among 50 other ignored files: 1,020 calls of `lstat`, and no event told.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm install --silent --no-audit --no-fund chokidar@5.0.0

cat >probe.mjs <<'JS'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

let lstats = 0;
const { lstat } = promises;
promises.lstat = (...args) => {
  lstats += 1;
  return lstat(...args);
};
syncBuiltinESMExports();
const { watch } = await import('chokidar');

mkdirSync('watched');
for (let at = 0; at < 50; at += 1) writeFileSync(`watched/ignored-${at}`, '');
writeFileSync('watched/wanted', '');
const root = resolve('watched');
const ignored = (path) => resolve(path) !== root && basename(path) !== 'wanted';
const watcher = watch(root, { ignoreInitial: true, depth: 0, ignored });
await new Promise((done) => watcher.on('ready', done));
await pause(500);
let told = 0;
watcher.on('all', () => (told += 1));
lstats = 0;
for (let round = 0; round < 20; round += 1) {
  appendFileSync('watched/ignored-0', 'x');
  await pause(100);
}
await pause(500);
await watcher.close();
console.log(`chokidar 5.0.0: 20 appends to an ignored file: ${lstats} calls of lstat, ${told} events told`);
process.exitCode = lstats >= 20 * 50 && told === 0 ? 0 : 1;
JS
node probe.mjs || { echo 'changed: an event of an ignored file no longer scans the directory'; exit 1; }
