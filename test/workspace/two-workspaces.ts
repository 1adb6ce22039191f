import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPlace } from '../../src/place/workspace-place.ts';
import { silentLog } from '../../src/platform/log.ts';
import type { Call } from '../../src/protocol/methods.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace/workspace.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createSandbox } from '../support/sandbox.ts';

interface Clone {
  readonly workspace: Workspace;
  readonly call: Call;
  readonly clock: FakeClock;
}

export interface TwoWorkspaces extends AsyncDisposable {
  /** Writes at 03:04:05. */
  readonly mia: Clone;
  /** Writes a second later: of two values hers are the later ones. */
  readonly lee: Clone;
  /** Each takes in what the other has; then time goes on, so that later edits are later than all of it. */
  exchange(): Promise<void>;
}

/** Two clones of one project, without git between them: their lines are handed over. */
export async function openTwoWorkspaces(): Promise<TwoWorkspaces> {
  const sandbox = createSandbox();
  const open = async (name: string, clock: FakeClock): Promise<Clone> => {
    const beadsDir = sandbox.at(name, '.beads');
    mkdirSync(beadsDir, { recursive: true });
    writeFileSync(join(beadsDir, 'metadata.json'), '{"project_id":"p"}');
    writeFileSync(join(beadsDir, 'config.yaml'), 'issue_prefix: t\n');
    const env = { ...sandbox.env, USER: name };
    const workspace = await openWorkspace({
      place: openPlace(beadsDir),
      env,
      clock,
      log: silentLog,
    });
    return { workspace, call: createCall(workspace), clock };
  };
  const startMs = Date.UTC(2026, 0, 2, 3, 4, 5);
  const mia = await open('mia', createFakeClock(startMs));
  const lee = await open('lee', createFakeClock(startMs + 1000));
  const hand = async (from: Clone, to: Clone): Promise<void> => {
    const { outbox } = from.workspace.store;
    outbox.clearThrough(outbox.pending().lastSeq);
    const { lines } = await from.call('read_lines', { limit: 10_000 });
    await to.call('import', { lines });
  };
  return {
    mia,
    lee,
    async exchange() {
      await hand(mia, lee);
      await hand(lee, mia);
      await hand(mia, lee);
      for (const { clock } of [mia, lee]) clock.advance(5_000);
    },
    async [Symbol.asyncDispose]() {
      await mia.workspace[Symbol.asyncDispose]();
      await lee.workspace[Symbol.asyncDispose]();
      sandbox[Symbol.dispose]();
    },
  };
}
