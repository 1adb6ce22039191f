// npm run bench: the figures of the product decisions, each as a ratio to a floor taken in the same run.
// `npm run bench -- cli` runs one group; with `--json` the figures are printed as JSON. `load` takes over a minute, and
// `peers` needs other tools: both run only by name.
import { availableParallelism, cpus, release } from 'node:os';
import { createWorld } from './world.mjs';
import { printFigures, toJson } from './measure.mjs';
import { commandLine } from './figures/command-line.mjs';
import { daemonCommands } from './figures/daemon-commands.mjs';
import { connection } from './figures/connection.mjs';
import { files } from './figures/files.mjs';
import { reads } from './figures/reads.mjs';
import { memory } from './figures/memory.mjs';
import { merge } from './figures/merge.mjs';
import { sharing } from './figures/sharing.mjs';
import { load } from './figures/load.mjs';
import { peers } from './figures/peers.mjs';

const GROUPS = {
  cli: commandLine,
  commands: daemonCommands,
  rpc: connection,
  reads,
  files,
  sharing,
  merge,
  memory,
};

const BY_NAME_ONLY = { load, peers };

const isJson = process.argv.includes('--json');
const wanted = process.argv.slice(2).filter((word) => word !== '--json');
const all = { ...GROUPS, ...BY_NAME_ONLY };
const names = wanted.length > 0 ? wanted : Object.keys(GROUPS);
const unknown = names.find((name) => all[name] === undefined);
if (unknown !== undefined) {
  console.error(`There is no group "${unknown}"; choose from ${Object.keys(all).join(', ')}.`);
  process.exit(2);
}
const machine = {
  node: process.version,
  system: `${process.platform} ${process.arch} ${release()}`,
  cpu: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`,
};
if (!isJson) {
  console.log(`Node ${machine.node}, ${machine.system}, ${machine.cpu}`);
  console.log('Medians; the ratio to the floor in brackets, and its goal.\n');
}
const figures = [];
for (const name of names) {
  const world = createWorld();
  try {
    const found = await all[name](world);
    figures.push(...found.map((figure) => ({ group: name, ...toJson(figure) })));
    if (!isJson) printFigures(found);
  } finally {
    world.dispose();
  }
}
if (isJson) console.log(JSON.stringify({ ...machine, figures }, null, 2));
