#!/usr/bin/env bash
# chokidar 5.0.0: a watched directory that is deleted and made again is never seen again by a native watcher: no `add`, no
# `change` and no error, for good. The same watcher with `usePolling` goes on. So a program that watches natively has to
# notice the deletion and make its watcher anew, or it misses everything without a word.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm install --silent --no-audit --no-fund chokidar@5.0.0

cat >probe.mjs <<'JS'
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { watch } from 'chokidar';

async function eventsAfterReturn(usePolling) {
  const directory = usePolling ? 'polled' : 'native';
  mkdirSync(directory);
  writeFileSync(`${directory}/file`, '1\n');
  const watcher = watch(directory, { ignoreInitial: true, depth: 0, usePolling, interval: 50 });
  await new Promise((done) => watcher.on('ready', done));
  const events = [];
  watcher.on('all', (name) => events.push(name));
  watcher.on('error', () => events.push('error'));
  rmSync(directory, { recursive: true });
  while (!events.includes('unlinkDir')) await pause(50);
  await pause(500);
  events.length = 0;
  mkdirSync(directory);
  writeFileSync(`${directory}/file`, '2\n');
  await pause(1_000);
  appendFileSync(`${directory}/file`, '3\n');
  writeFileSync(`${directory}/other`, '4\n');
  await pause(1_000);
  await watcher.close();
  return events;
}

const native = await eventsAfterReturn(false);
const polled = await eventsAfterReturn(true);
console.log(`chokidar 5.0.0: after the return, native [${native}], polling [${polled}]`);
process.exitCode = native.length === 0 && polled.includes('add') ? 0 : 1;
JS
timeout 60 node probe.mjs || { echo 'changed: the native watcher sees the new directory, or polling does not'; exit 1; }
