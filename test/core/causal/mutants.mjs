/**
 * Shows that the tests of the merge would notice a broken one: each fault is put into a copy of the
 * sources, and the suite must fail there. Run: node test/core/causal/mutants.mjs
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const ROOT = resolve(import.meta.dirname, '../../..');
const CAUSAL = 'src/core/causal';

/** Each text stands in its file exactly once; a test checks that. */
export const FAULTS = [
  {
    name: 'ignore the other’s vector',
    file: `${CAUSAL}/join.ts`,
    text: '!covers(other.vector, sibling) || ',
    fault: 'true || ',
  },
  {
    name: 'keep the last writer only',
    file: `${CAUSAL}/join.ts`,
    text: 'return alive.filter((sibling, at) => {',
    fault: 'return alive.slice(-1).filter((sibling, at) => {',
  },
  {
    name: 'drop what only one side has',
    file: `${CAUSAL}/join.ts`,
    text: 'const alive = siblings.filter((sibling) => !covers(ours.vector, sibling));',
    fault: 'const alive = siblings.filter(() => false);',
  },
  {
    name: 'swap the tie-break',
    file: `${CAUSAL}/shown.ts`,
    text: '(before(sibling, best) > 0 ? sibling : best)',
    fault: '(before(sibling, best) < 0 ? sibling : best)',
  },
  {
    name: 'forget to merge vectors',
    file: `${CAUSAL}/join.ts`,
    text: 'vector: joinVectors(ours.vector, theirs.vector),',
    fault: 'vector: joinVectors(ours.vector, ours.vector),',
  },
  {
    name: 'let an edit revive a tombstone',
    file: `${CAUSAL}/view.ts`,
    text: 'if (parts.deletion?.deleted !== true) return view;',
    fault:
      "if (parts.deletion?.deleted !== true || listEdits(state).length > 0) return view;\n  function listEdits(state: IssueState) { const at = Math.max(...(state.entries.get('deleted') ?? []).map(({ ms }) => ms)); return [...state.entries.values()].flat().filter(({ ms }) => ms > at); }",
  },
  {
    name: 'show the last claim',
    file: `${CAUSAL}/shown.ts`,
    text: 'Number(isClaim(left)) - Number(isClaim(right)) || earliest(left, right);',
    fault: 'Number(isClaim(left)) - Number(isClaim(right)) || compareSiblings(left, right);',
  },
  {
    name: 'take a missing unknown key for a removal',
    file: `${CAUSAL}/lift.ts`,
    text: "if (kind === 'unknown' || kind === 'metadata' || kind === 'metadata_order') return false;",
    fault: "if (kind === 'metadata_order') return false;",
  },
  {
    name: 'take an empty text for a write where there was none',
    file: `${CAUSAL}/lift.ts`,
    text: 'if (isElement(key) && !before.has(key)) return true;',
    fault: 'if (!before.has(key)) return true;',
  },
  {
    name: 'believe a line whose seal is broken',
    file: `${CAUSAL}/decode-line.ts`,
    text: "if (members.h !== seal(classic)) return 'does not seal this record';",
    fault: '',
  },
  {
    name: 'let a slow clock write into the past',
    file: `${CAUSAL}/write.ts`,
    text: 'for (const sibling of overwritten) ms = Math.max(ms, sibling.ms + 1);',
    fault: '',
  },
  {
    name: 'let the twin of a parent that goes appear',
    file: `${CAUSAL}/lift.ts`,
    text: '[...writes, ...twinRemovals(view)]',
    fault: 'writes',
  },
  {
    name: 'tell two issues with one id apart by their dots',
    file: `${CAUSAL}/id-collision.ts`,
    text: 'return bornMs(left) === bornMs(right);',
    fault: 'return left.replica === right.replica && left.counter === right.counter;',
  },
  {
    name: 'merge texts until an issue takes no more writers',
    file: `${CAUSAL}/concurrent-texts.ts`,
    text: 'if (joined.vector.size >= TEXT_MERGE_REPLICAS_MAX) return joined;',
    fault: '',
  },
  {
    name: 'take a line below the last one for a change of that',
    file: `${CAUSAL}/text-merge.ts`,
    text: 'terminated(base, lineEnd),',
    fault: 'base,',
  },
];

/** Whether the suite fails on a copy of the sources with the fault in it; without one, on the sources. */
function isNoticed(fault) {
  const copy = mkdtempSync(join(tmpdir(), 'bd-mutant-'));
  try {
    for (const part of [
      'src/core',
      'test/core/causal',
      'test/support',
      'package.json',
      'tsconfig.json',
    ]) {
      mkdirSync(join(copy, part, '..'), { recursive: true });
      cpSync(join(ROOT, part), join(copy, part), { recursive: true });
    }
    cpSync(join(ROOT, 'test/vitest.config.mts'), join(copy, 'test/vitest.config.mts'));
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    if (fault !== undefined) {
      const path = join(copy, fault.file);
      writeFileSync(
        path,
        readFileSync(path, 'utf8').replace(fault.text, () => fault.fault),
      );
    }
    return suiteFails(copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function suiteFails(root) {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  // A test that the mutants apply would fail on each of them; it says nothing about the merge.
  const args = [
    'run',
    '--config',
    'test/vitest.config.mts',
    '--exclude',
    '**/mutants.test.ts',
    '--bail',
    '1',
    'test/core/causal',
  ];
  const { status, stdout } = spawnSync(process.execPath, [vitest, ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  if (status !== 0 && !/Tests .*failed/.test(stdout)) {
    throw new Error(`the suite did not run:\n${stdout}`);
  }
  return status !== 0;
}

function main() {
  if (isNoticed(undefined)) throw new Error('the suite fails without any fault');
  console.log('without a fault: passes');
  let unnoticed = 0;
  for (const fault of FAULTS) {
    const noticed = isNoticed(fault);
    if (!noticed) unnoticed += 1;
    console.log(`${fault.name}: ${noticed ? 'noticed' : 'NOT NOTICED'}`);
  }
  process.exitCode = unnoticed === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
