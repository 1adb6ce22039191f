import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { decodeLine } from '../../core/causal/decode-line.ts';
import { messageOf } from '../../core/errors.ts';
import { ok, problem, type Verdict } from '../../core/finding.ts';
import { MIRROR_CHECK_BYTES_MAX } from '../../core/limits.ts';
import {
  isOverdue,
  sharingFailure,
  type SharingStanding,
  type SharingState,
} from '../../core/sharing.ts';
import { shellWord } from '../../core/shell-word.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import { asideMs } from '../../store/open-files.ts';
import { lookAtStore, type StoreLook } from '../../store/store-look.ts';
import { SCHEMA_VERSION } from '../../store/schema.ts';
import { hasConflictMarkers, readIssueLines } from '../../sync/intake/issue-lines.ts';
import { listQuarantine } from '../../sync/intake/unreadable-lines.ts';
import { readSyncMemory, type SyncMemory } from '../../sync/sync-state.ts';
import type { Config } from '../config/config.ts';
import { readMetadata } from '../config/metadata.ts';

/** The store as it is now, while another process may be working with it. */
export function lookAtWorkspaceStore(place: WorkspacePlace): StoreLook {
  try {
    return lookAtStore(place.file(readMetadata(place).database));
  } catch (error) {
    // The metadata has an unusable name; the check of the files reports that.
    return { kind: 'unreadable', problem: messageOf(error) };
  }
}

const REBUILD = {
  detail: 'The next start puts it aside, and builds one from the mirror and the branch.',
  fix: 'bd daemon restart',
};

export function checkStore(look: StoreLook): Verdict {
  switch (look.kind) {
    case 'absent':
      return ok('not there yet; the next command builds it');
    case 'sound':
      return ok('sound');
    case 'unchecked':
      return ok(`not looked through: it has ${look.bytes} bytes`);
    case 'newer':
      return problem(
        'error',
        `it has schema ${look.version}, and this bd knows ${SCHEMA_VERSION}`,
        {
          detail: 'A newer bd wrote it. Nothing was changed.',
          fix: 'npm install -g beads-daemon@latest',
        },
      );
    case 'outdated':
      return problem(
        'warning',
        `it has schema ${look.version}, from before the first release`,
        REBUILD,
      );
    case 'foreign':
      return problem('warning', 'it is no store of bd', REBUILD);
    case 'damaged':
      return problem('error', `it is damaged: ${look.problem}`, REBUILD);
    case 'unreadable':
      return problem('error', `it cannot be looked at: ${look.problem}`);
    default:
      return look satisfies never;
  }
}

/** Whether bd will be able to read the mirror. */
export function checkMirror(place: WorkspacePlace, nowMs: number): Verdict {
  const path = place.file(readMetadata(place).jsonl_export);
  const name = basename(path);
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (file === undefined) return ok('not there yet; the next change writes it');
  if (!file.isFile()) {
    const fix = `mv ${shellWord(path)} ${shellWord(path)}.aside`;
    return problem('error', `${path} is no file`, { fix });
  }
  if (file.size > MIRROR_CHECK_BYTES_MAX) {
    return ok(`not looked through: it has ${file.size} bytes`);
  }
  const content = readFileSync(path);
  if (hasConflictMarkers(content)) {
    return problem('warning', `${name} has conflict markers that git left`, {
      detail: 'bd takes in both sides.',
      fix: 'bd sync',
    });
  }
  const broken = [...readIssueLines(content)].filter(
    ({ text }) => text === undefined || decodeLine(text, nowMs).kind === 'unreadable',
  );
  const [first] = broken;
  if (first === undefined) return ok(name);
  return problem(
    'warning',
    `${broken.length} lines of ${name} cannot be read, the first is line ${first.number}`,
    {
      detail: 'bd keeps them unchanged in a file of their own when it reads the mirror.',
      fix: 'bd sync',
    },
  );
}

/** Lines, and whole stores, that bd could not read and kept. */
export function checkKeptAside({ beadsDir, quarantineDirectory }: WorkspacePlace): Verdict {
  const files = listQuarantine(quarantineDirectory);
  const [first] = files;
  if (first !== undefined) {
    const names = files.join(', ');
    return problem(
      'warning',
      `lines that could not be read are kept in ${quarantineDirectory}: ${names}`,
      {
        detail: 'Correct them, take them in, and remove the file.',
        fix: `bd import -i ${shellWord(join(quarantineDirectory, first))}`,
      },
    );
  }
  const stores = readdirSync(beadsDir).filter((name) => asideMs(name) !== undefined);
  return ok(
    stores.length === 0 ? 'nothing' : `stores that could not be used: ${stores.join(', ')}`,
  );
}

/** How sharing goes, as the daemon says or the store remembers. */
export function checkSharing(standing: SharingStanding): Verdict {
  const fix = 'bd sync';
  const { state, pending, oldest_pending_s: waitedS, remedy } = standing;
  const failure = sharingFailure(standing);
  if (failure !== undefined)
    return problem('warning', failure, { detail: remedy ?? undefined, fix });
  const waiting = `${pending} ${pending === 1 ? 'change waits' : 'changes wait'}`;
  if (isOverdue(standing)) {
    return problem('warning', `${waiting}, for ${Math.round((waitedS ?? 0) / 60)} minutes now`, {
      fix,
    });
  }
  return ok(WORDS[state] ?? (pending === 0 ? 'nothing waits' : waiting));
}

const WORDS: Partial<Record<SharingState, string>> = {
  no_remote: 'no remote is used; everything stays in this repository',
  off: 'it is off (sync.push is false)',
  by_hand: 'the issues go with your own commits',
  ok: 'all is shared',
};

/** How sharing goes by the store and the settings alone, when no daemon answers. */
export function rememberedStanding(
  look: StoreLook,
  { config, nowMs }: { config: Config | undefined; nowMs: number },
): SharingStanding {
  const sound = look.kind === 'sound' ? look : undefined;
  const { pending, oldestMs } = sound?.outbox ?? { pending: 0, oldestMs: undefined };
  const memory = readSyncMemory(sound?.syncMemory);
  return {
    state: rememberedState(memory, { config, pending }),
    pending,
    oldest_pending_s: oldestMs === undefined ? null : Math.max(0, nowMs - oldestMs) / 1000,
    error: memory.failure?.message ?? null,
    remedy: memory.failure?.remedy ?? null,
  };
}

function rememberedState(
  { failure, lastEnd }: SyncMemory,
  { config, pending }: { config: Config | undefined; pending: number },
): SharingState {
  if (failure !== undefined) return failure.kind;
  if (config?.text('sync.mode') === 'worktree') return 'by_hand';
  if (config?.truth('sync.push') === false) return 'off';
  // Undefined before the first cycle, which looks for a remote.
  if (lastEnd === 'no_remote' || lastEnd === undefined) return 'no_remote';
  return pending > 0 ? 'pending' : 'ok';
}
