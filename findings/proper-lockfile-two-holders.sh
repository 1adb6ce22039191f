#!/usr/bin/env bash
# proper-lockfile 4.1.2: two contenders who find the lock of a dead holder both get it. Taking over a stale lock is
# three steps (look, remove, make): when one contender is slow at the second, it removes the lock that the other
# has made meanwhile, and neither is told. The slow one is slowed down here by the `fs` option, as a busy disk would.
# Seen: quick got it at 59 ms, slow at 306 ms; both believe that they hold it.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm install --silent --no-audit --no-fund proper-lockfile@4.1.2

cat >probe.mjs <<'JS'
import fs from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import lockfile from 'proper-lockfile';

const SLOW_MS = 300;
fs.writeFileSync('file', '');
// What a holder that was killed an hour ago has left.
fs.mkdirSync('file.lock');
const then = new Date(Date.now() - 3_600_000);
fs.utimesSync('file.lock', then, then);

const slow = { ...fs, rmdir: (path, done) => setTimeout(() => fs.rmdir(path, done), SLOW_MS) };
const holders = [];
const compromised = [];
async function contend(name, options) {
  await lockfile.lock('file', { stale: 10_000, onCompromised: () => compromised.push(name), ...options });
  holders.push(name);
}
await Promise.allSettled([
  contend('slow', { fs: slow }),
  pause(50).then(() => contend('quick', { fs: { ...fs } })),
]);
console.log(`proper-lockfile 4.1.2: holders [${holders}], told that they lost it [${compromised}]`);
process.exit(holders.length === 2 && compromised.length === 0 ? 0 : 1);
JS
node probe.mjs || { echo 'changed: one contender is refused'; exit 1; }
