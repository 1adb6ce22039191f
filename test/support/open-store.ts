/*
 * The entry of a bundle: opens a store with later steps, which upgrades it, and is killed before the given one of
 * the statements that change it. Prints how many there were otherwise.
 */
import BetterSqlite3, { type Database } from 'better-sqlite3';
import { openDatabase } from '../../src/store/database.ts';
import { LATER_STEPS } from './schema-steps.ts';

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

const options = { nowMs: Date.now(), projectId: undefined, steps: LATER_STEPS };
const { database } = openDatabase(path, options);
// One more, to be killed at when all is done.
database.exec('SELECT 1');
database.close();
console.log(statements);
