/*
 * The entry of a bundle: a process that asks for several changes at once, and is killed at the given moment. It
 * prints the id of each change that was answered.
 */
import { writeSync } from 'node:fs';
import { parseIssueLine } from '../../src/core/issue-line.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Change } from '../../src/store/event-log.ts';
import { openStore } from '../../src/store/store.ts';

export type Moment = 'asked' | 'made' | 'answered';

const [, , path = '', moment = ''] = process.argv;
const IDS = ['a-1', 'a-2', 'a-3'];
const store = openStore(path, { clock: systemClock });

function dieAt(now: Moment): void {
  if (now === moment) process.kill(process.pid, 'SIGKILL');
}

function make(id: string): void {
  const parsed = parseIssueLine(JSON.stringify({ id, title: id }), 0);
  if ('problem' in parsed) throw new Error(parsed.problem);
  const change: Change = { kind: 'created', actor: 'mia', origin: 'local', atMs: Date.now() };
  store.edits.put(parsed.issue, change);
  if (id === IDS.at(-1)) dieAt('made');
}

for (const id of IDS) {
  void store
    .write(() => make(id))
    .then(() => {
      writeSync(1, `${id}\n`);
      if (id === IDS[0]) dieAt('answered');
    });
}
dieAt('asked');
