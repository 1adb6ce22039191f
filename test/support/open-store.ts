/*
 * The entry of a bundle: opens a store, which upgrades it, and is killed before the given one of the statements
 * that change it. Prints how many there were otherwise.
 */
import BetterSqlite3, { type Database } from 'better-sqlite3';
import { systemClock } from '../../src/platform/clock.ts';
import { openStore } from '../../src/store/store.ts';

const [, , path = '', dieAt = ''] = process.argv;
let statements = 0;

function step(): void {
  statements += 1;
  if (statements === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
}

type Run = (...values: unknown[]) => unknown;
const prototype = BetterSqlite3.prototype as unknown as {
  exec: (this: Database, sql: string) => unknown;
  prepare: (this: Database, sql: string) => { run: Run };
};
const { exec, prepare } = prototype;
prototype.exec = function (sql) {
  step();
  return exec.call(this, sql);
};
prototype.prepare = function (sql) {
  const statement = prepare.call(this, sql);
  const run = statement.run.bind(statement);
  const counted: Run = (...values) => {
    step();
    return run(...values);
  };
  return Object.assign(statement, { run: counted });
};

openStore(path, { clock: systemClock }).close();
console.log(statements);
