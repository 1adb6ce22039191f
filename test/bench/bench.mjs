// npm run bench: the figures of the product decisions, each as a ratio to a floor taken in the same run.
// `npm run bench -- cli` runs one group.
import { createWorld } from './world.mjs';
import { printFigures } from './measure.mjs';
import { commandLine } from './figures/command-line.mjs';
import { connection } from './figures/connection.mjs';
import { files } from './figures/files.mjs';
import { readyWork } from './figures/ready-work.mjs';
import { memory } from './figures/memory.mjs';
import { merge } from './figures/merge.mjs';
import { sharing } from './figures/sharing.mjs';

const GROUPS = {
  cli: commandLine,
  rpc: connection,
  ready: readyWork,
  files,
  sharing,
  merge,
  memory,
};

const wanted = process.argv.slice(2);
const names = wanted.length > 0 ? wanted : Object.keys(GROUPS);
const unknown = names.find((name) => GROUPS[name] === undefined);
if (unknown !== undefined) {
  console.error(`There is no group "${unknown}"; choose from ${Object.keys(GROUPS).join(', ')}.`);
  process.exit(2);
}
console.log(
  `Node ${process.version}, ${process.platform} ${process.arch}; medians; ratio to the floor in brackets\n`,
);
for (const name of names) {
  const world = createWorld();
  try {
    printFigures(await GROUPS[name](world));
  } finally {
    world.dispose();
  }
}
